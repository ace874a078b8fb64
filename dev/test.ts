/**
 * `npm test`: runs the vitest projects of `test-plan.ts` and ends with one line of counts. Arguments that name projects
 * choose among them, others go to vitest: `npm test -- unit plan`.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { SUMMARY_VARIABLE, type Counts } from "../test/summary-reporter.ts";
import { prepareRuntime } from "./runtime/prepare.ts";
import { chooseProjects, settle, splitByContainers, summaryLine } from "./test-plan.ts";

const projectDir = join(import.meta.dirname, "..");
const print = (line: string) => process.stdout.write(`${line}\n`);
const countsFile = z.object({ passed: z.int(), failed: z.int(), skipped: z.int() });

/** Why end-to-end tests cannot run here; undefined where they can. Installs an engine where that is possible. */
async function whyNoContainers(): Promise<string | undefined> {
  try {
    await prepareRuntime({ projectDir, log: print });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function runVitest(projects: readonly string[], rest: readonly string[]): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-test-"));
  const summary = join(folder, "counts.json");
  const args = [
    join(projectDir, "node_modules/vitest/vitest.mjs"),
    "run",
    ...projects.map((name) => `--project=${name}`),
    "--reporter=default",
    `--reporter=${join(projectDir, "test/summary-reporter.ts")}`,
    ...rest,
  ];
  const child = spawn(process.execPath, args, {
    cwd: projectDir,
    stdio: "inherit",
    env: { ...process.env, [SUMMARY_VARIABLE]: summary },
  });
  // The terminal's Ctrl-C reaches vitest too, which removes its containers; this process waits for that.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const code = await new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (exitCode) => resolve(exitCode ?? 1));
  });
  const text = await readFile(summary, "utf8").catch(() => undefined);
  await rm(folder, { recursive: true });
  return settle(text === undefined ? undefined : countsFile.parse(JSON.parse(text)), code);
}

const { projects, rest } = chooseProjects(process.argv.slice(2));
const { contained, free } = splitByContainers(projects);
const obstacle = contained.length > 0 ? await whyNoContainers() : undefined;
const runnable = obstacle === undefined ? projects : free;
let counts: Counts = { passed: 0, failed: 0, skipped: 0 };
if (runnable.length > 0) counts = await runVitest(runnable, rest);
if (obstacle !== undefined) {
  const mustRun = process.env["CI"] === "true";
  const fate = mustRun ? "failed" : "skipped";
  print(`${contained.join(" and ")} ${fate}: ${obstacle}`);
  counts = { ...counts, [fate]: counts[fate] + contained.length };
}
print(summaryLine(counts));
process.exit(counts.failed === 0 ? 0 : 1);
