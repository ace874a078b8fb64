/**
 * `npm run check`: everything that can be said of the sources without running them. Needs no secret, no account and no
 * Docker. One line per step; what a step printed is shown only where it fails.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { missingOptional } from "./lockfile.ts";

const projectDir = join(import.meta.dirname, "..");

/** A Worker of the free plan may have 3 MiB: this leaves room, and a jump is seen before it is a problem. */
const MAX_BUNDLE_BYTES = 1024 * 1024;

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  /** A figure for the step's line. */
  readonly note?: string;
}

interface Step {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
}

function tool(name: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(join(projectDir, "node_modules/.bin", name), args, {
      cwd: projectDir,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" },
    });
    let output = "";
    const add = (text: string) => (output += text);
    child.stdout.setEncoding("utf8").on("data", add);
    child.stderr.setEncoding("utf8").on("data", add);
    child.on("error", (error) => resolve({ ok: false, output: `${error.message}: run npm ci.` }));
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

async function bundle(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-bundle-"));
  try {
    // Without the rollout flag a dry run builds the images, which takes Docker.
    const outcome = await tool("wrangler", "deploy", "--dry-run", "--outdir", folder, "--containers-rollout=none");
    if (!outcome.ok) return outcome;
    const files = (await readdir(folder)).filter((name) => !/\.map$|^README\.md$/.test(name));
    const contents = await Promise.all(files.map((name) => readFile(join(folder, name))));
    const bytes = contents.reduce((sum, content) => sum + gzipSync(content).length, 0);
    const note = `${(bytes / 1024).toFixed(0)} KiB gzipped`;
    return { ok: bytes <= MAX_BUNDLE_BYTES, output: `The bundle is over ${MAX_BUNDLE_BYTES / 1024} KiB.\n`, note };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function lockfile(): Promise<Outcome> {
  const missing = Object.keys(
    missingOptional(JSON.parse(await readFile(join(projectDir, "package-lock.json"), "utf8"))),
  );
  const output = `package-lock.json lacks ${missing.join(", ")}: npm ci will refuse it. Run node dev/lockfile.ts.`;
  return { ok: missing.length === 0, output };
}

const steps: readonly Step[] = [
  { name: "types", run: () => tool("tsc", "--noEmit") },
  {
    name: "types of the downloader's page",
    run: () => tool("tsc", "--noEmit", "-p", "containers/downloader/page/browser"),
  },
  { name: "generated types unchanged", run: () => tool("wrangler", "types", "--check") },
  { name: "openapi.json and docs/fields.md as the routes say", run: () => tool("node", "dev/openapi.ts", "--check") },
  { name: "lint", run: () => tool("oxlint", "--type-aware") },
  { name: "format", run: () => tool("oxfmt", "--check") },
  { name: "bundle", run: bundle },
  { name: "lockfile complete", run: lockfile },
];

let failed = 0;
for (const { name, run } of steps) {
  const startedAt = performance.now();
  const { ok, output, note } = await run();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name} (${note === undefined ? "" : `${note}, `}${seconds} s)\n`);
  if (!ok) {
    failed++;
    process.stdout.write(`${output.trimEnd()}\n`);
  }
}
process.stdout.write(`${steps.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
