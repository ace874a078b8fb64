import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import { memoryFolder } from "./memory-folder.ts";

function parentFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "memory-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return parent;
}

describe("the folder in memory", () => {
  it("is none where there is no such place", ({ expect }) => {
    expect(memoryFolder(join(parentFolder(), "missing"))).toBeUndefined();
  });

  it("is its process' own, and goes with it", ({ expect }) => {
    const parent = parentFolder();
    const program = `import { memoryFolder } from ${JSON.stringify(join(import.meta.dirname, "memory-folder.ts"))};
      console.log(memoryFolder(${JSON.stringify(parent)}));`;
    const args = ["--input-type=module", "--eval", program];
    const { stdout, pid } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stdout.trim()).toBe(join(parent, `gantry-test-${pid}`));
    expect(existsSync(stdout.trim())).toBe(false);
  });

  it("takes away what a process left that was killed, and nothing else", ({ expect }) => {
    const parent = parentFolder();
    const { pid: dead } = spawnSync(process.execPath, ["--version"]);
    const [abandoned, living, other] = [`gantry-test-${dead}`, `gantry-test-${process.ppid}`, "another"].map((name) =>
      join(parent, name),
    );
    for (const folder of [abandoned, living, other]) mkdirSync(folder ?? "");
    memoryFolder(parent);
    expect([abandoned, living, other].map((folder) => existsSync(folder ?? ""))).toEqual([false, true, true]);
  });
});
