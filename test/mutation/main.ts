/**
 * `npm run mutation`: Stryker over the planner, the code that applies its plans and the policies, one file after another.
 * What a file came to is kept until the file or a test beside it changes, so that a run that was cut off goes on where it
 * was. `npm run mutation -- plan/ intents` runs only files whose path contains one of these; `--page` only writes
 * `SURVIVORS.md` anew. A survivor that `survivors.json` has no reason for is printed as `NEW`.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FILES } from "./files.ts";
import { resultOf, type FileResult } from "./report.ts";
import { compare, pageOf, readKnown } from "./survivors.ts";

const folder = import.meta.dirname;
const project = join(folder, "../..");
const kept = join(folder, ".tmp/results");
const STRYKER = join(folder, "node_modules/@stryker-mutator/core/bin/stryker.js");
const MOST_SURVIVORS = 0.1;

const print = (line: string) => process.stdout.write(`${line}\n`);

function execute(command: string, args: readonly string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const add = (text: string) => (output += text);
    child.stdout.setEncoding("utf8").on("data", add);
    child.stderr.setEncoding("utf8").on("data", add);
    child.on("error", (error) => resolve({ code: 1, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

async function install(): Promise<void> {
  if (existsSync(STRYKER)) return;
  print("installing Stryker …");
  const { code, output } = await execute("npm", ["ci", "--no-audit", "--no-fund"], folder);
  if (code !== 0) throw new Error(output);
}

/** Of the file and of every test in its folder, which is where its own tests are. */
async function digestOf(file: string): Promise<string> {
  const own = dirname(join(project, file));
  const tests = (await readdir(own)).filter((name) => name.endsWith(".test.ts")).toSorted((a, b) => a.localeCompare(b));
  const hash = createHash("sha256");
  for (const path of [join(project, file), ...tests.map((name) => join(own, name))]) hash.update(await readFile(path));
  return hash.digest("hex").slice(0, 16);
}

async function mutate(file: string): Promise<FileResult> {
  const path = join(kept, `${file.replaceAll("/", "_")}.${await digestOf(file)}.json`);
  if (existsSync(path)) return JSON.parse(await readFile(path, "utf8")) as FileResult;
  const args = [STRYKER, "run", "test/mutation/stryker.config.mjs", "--mutate", file];
  const { code, output } = await execute(process.execPath, args, project);
  const report = join(folder, ".tmp/report.json");
  if (code !== 0) throw new Error(`Stryker failed on ${file}:\n${output}`);
  const result = resultOf(JSON.parse(await readFile(report, "utf8")), file);
  await mkdir(kept, { recursive: true });
  await writeFile(path, JSON.stringify(result));
  return result;
}

async function run(files: readonly string[]): Promise<void> {
  const known = await readKnown();
  let [mutants, survivors, unexplained] = [0, 0, 0];
  for (const file of files) {
    const result = await mutate(file);
    const compared = compare(known[file], result.survivors);
    mutants += result.mutants;
    survivors += result.survivors.length;
    unexplained += compared.unexplained.length;
    print(`${file}: ${result.survivors.length} of ${result.mutants} survive`);
    for (const { line, change, reason } of compared.explained) print(`  ${line}: ${change}\n      ${reason}`);
    for (const { line, change } of compared.unexplained) print(`  NEW ${line}: ${change}`);
    for (const change of compared.outdated) print(`  listed, and not there: ${change}`);
  }
  const share = mutants === 0 ? 0 : survivors / mutants;
  print(`${survivors} of ${mutants} mutants survive: ${(100 * share).toFixed(1)} %, ${100 * MOST_SURVIVORS} % may`);
  if (unexplained > 0) print(`${unexplained} of them have no reason in survivors.json`);
  process.exitCode = share <= MOST_SURVIVORS ? 0 : 1;
}

const wanted = process.argv.slice(2);
if (wanted.includes("--page")) {
  await writeFile(join(folder, "SURVIVORS.md"), pageOf(await readKnown()));
} else {
  await install();
  await run(FILES.filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part))));
}
