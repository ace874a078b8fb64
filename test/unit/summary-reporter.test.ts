import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, it } from "vitest";
import { SUMMARY_VARIABLE } from "../summary-reporter.ts";

const ROOT = join(import.meta.dirname, "../..");
const HEAD = `import { afterAll, beforeAll, describe, it } from "vitest";\n`;
let folder: string;

// Inside the project, so that the files find vitest.
beforeEach(async () => {
  await mkdir(join(ROOT, ".gantry"), { recursive: true });
  folder = await mkdtemp(join(ROOT, ".gantry/reporter-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function countsOf(source: string): Promise<unknown> {
  await writeFile(join(folder, "a.test.ts"), HEAD + source);
  await writeFile(join(folder, "vitest.config.ts"), "export default {};");
  const counts = join(folder, "counts.json");
  const reporter = join(ROOT, "test/summary-reporter.ts");
  const args = ["node_modules/vitest/vitest.mjs", "run", "--root", folder, "--reporter", reporter];
  await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, [SUMMARY_VARIABLE]: counts },
  }).catch(() => undefined);
  return JSON.parse(await readFile(counts, "utf8"));
}

describe("the counts of a run", () => {
  it.for([
    ["tests", `it("a", () => {}); it("b", () => { throw 1; }); it.skip("c", () => {}); it.todo("d");`, [1, 1, 2]],
    ["a file that cannot be imported", `import "./nothing.ts"; it("a", () => {});`, [0, 1, 0]],
    ["a file that throws", `it("a", () => {}); throw new Error("x");`, [0, 1, 0]],
    ["a hook that fails before", `beforeAll(() => { throw 1; }); it("a", () => {}); it("b", () => {});`, [0, 1, 2]],
    ["a hook that fails after", `afterAll(() => { throw 1; }); it("a", () => {});`, [1, 1, 0]],
    ["a hook of a group", `describe("g", () => { beforeAll(() => { throw 1; }); it("a", () => {}); });`, [0, 1, 1]],
    ["a rejection that nobody handles", `it("a", () => { void Promise.reject(new Error("x")); });`, [1, 1, 0]],
  ] as const)("has %s", async ([, source, [passed, failed, skipped]], { expect }) => {
    expect(await countsOf(source)).toEqual({ passed, failed, skipped });
  });
});
