/** `gantry secrets …` against a control plane, as a terminal runs it. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

const VALUE = "never-to-be-shown";

describe.concurrent("gantry secrets", () => {
  it("makes one from standard input, changes it from a variable, lists and deletes it", async ({ expect }) => {
    const account = await newAccount();
    const all: string[] = [];
    const run = async (...args: string[]) => {
      const { code, out, err } = await gantry(
        { account, stdin: `${VALUE}\n`, env: { MY_KEY: `${VALUE}-2` } },
        "secrets",
        ...args,
      );
      all.push(out, err);
      return [code, out || err];
    };
    expect(await run("list")).toEqual([0, "there are no secrets yet\n"]);
    expect(await run("set", "API_KEY")).toEqual([0, "secret API_KEY is version 1\n"]);
    expect(await run("set", "API_KEY", "--env", "MY_KEY")).toEqual([0, "secret API_KEY is version 2\n"]);
    expect((await run("list"))[1]).toMatch(/API_KEY +2/);
    const [, line] = await run("list", "--json");
    expect(JSON.parse(String(line))).toMatchObject({ name: "API_KEY", version: 2 });
    expect(await run("delete", "API_KEY")).toEqual([0, "secret API_KEY is deleted\n"]);
    expect((await run("delete", "API_KEY"))[0]).toBe(1);
    expect(all.join("")).not.toContain(VALUE);
  });

  it("wants a value", async ({ expect }) => {
    const account = await newAccount();
    const empty = await gantry({ account, stdin: "\n" }, "secrets", "set", "API_KEY");
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining("pipe it in")]);
    const unset = await gantry({ account }, "secrets", "set", "API_KEY", "--env", "NOT_SET");
    expect([unset.code, unset.err]).toEqual([1, expect.stringContaining("NOT_SET")]);
  });
});
