import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { ensureDevVars, withMissingSecrets } from "./dev-vars.ts";

describe("secrets of the local run", () => {
  it.for([
    ["no file", "", "A=new\nB=new\n", ["A", "B"]],
    ["one is there", "A=mine\n", "A=mine\nB=new\n", ["B"]],
    ["the last line has no end", "A=mine", "A=mine\nB=new\n", ["B"]],
    ["all are there", "# note\nB='x y'\nA=1\n", "# note\nB='x y'\nA=1\n", []],
    ["one is empty", "A=\nB=b\n", "A=\nB=b\nA=new\n", ["A"]],
  ] as const)("are completed, never changed: %s", ([, before, text, added], { expect }) => {
    expect(withMissingSecrets(before, ["A", "B"], () => "new")).toEqual({ text, added });
  });
});

describe(".dev.vars", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gantry-vars-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is made for the owner alone, and the same on the next start", async ({ expect }) => {
    const first = await ensureDevVars(folder, ["TOKEN"]);
    expect(first.added).toEqual(["TOKEN"]);
    expect(first.values["TOKEN"]).toMatch(/^[\w-]{43}$/);
    expect((await stat(join(folder, ".dev.vars"))).mode & 0o777).toBe(0o600);
    expect(await ensureDevVars(folder, ["TOKEN"])).toEqual({ values: first.values, added: [] });
  });

  it("written by a person is closed to others and otherwise left alone", async ({ expect }) => {
    await writeFile(join(folder, ".dev.vars"), "TOKEN=mine", { mode: 0o644 });
    expect((await ensureDevVars(folder, ["TOKEN"])).values).toEqual({ TOKEN: "mine" });
    expect(await readFile(join(folder, ".dev.vars"), "utf8")).toBe("TOKEN=mine");
    expect((await stat(join(folder, ".dev.vars"))).mode & 0o777).toBe(0o600);
  });
});
