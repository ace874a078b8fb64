/** `gantry rollout …` against a control plane, as a terminal runs it. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { gantry, newAccount, startPlane, stopPlane, type Account } from "./plane.ts";

beforeAll(startPlane, 60_000);
afterAll(stopPlane);

const colour = (value: string) => ({ environment_variables: [{ name: "C", value }] });
const params = { id: "web" };

/** An application of its own account, which runs. */
async function web(instances = 1): Promise<Account> {
  const account = await newAccount();
  const configuration = { image: "hello-world", ...colour("red") };
  await account.api.send("POST /applications", { body: { name: "web", instances, configuration } });
  await account.api.send("GET /applications/{id}/wait", { params, query: { state: "settled" } });
  return account;
}

async function begin(account: Account, more: object, target: object = colour("blue")): Promise<string> {
  const body = {
    description: "to blue",
    strategy: "rolling",
    min_healthy_time: 0,
    target_configuration: target,
    ...more,
  };
  return (await account.api.send("POST /applications/{id}/rollouts", { params, body })).result.id;
}

const rollout = (account: Account, ...args: string[]) => gantry({ account }, "rollout", ...args);
const half = (percentage: number) => ({ step_size: { percentage }, description: "" });
const NEVER = { image: "never-starts" };

describe.concurrent("gantry rollout", () => {
  it("status follows to the end, with a line for each change", async ({ expect }) => {
    const account = await web(2);
    const id = await begin(account, { step_percentage: 50 });
    const { code, out, err } = await rollout(account, "status", "web");
    expect([code, err]).toEqual([0, ""]);
    const lines = out.trim().split("\n");
    expect(lines.slice(-2)).toEqual(["version 2 is what runs", `rollout ${id}: completed`]);
    expect(new Set(lines).size).toBe(lines.length);
    const told = JSON.parse((await rollout(account, "status", "web", "--json")).out);
    expect(told).toMatchObject({ outcome: "completed", rollout: { id, status: "completed" } });
  });

  it("status ends with 1 where it went back, or stalled", async ({ expect }) => {
    const account = await web();
    await begin(account, { progress_deadline: 1 }, NEVER);
    const back = await rollout(account, "status", "web");
    expect([back.code, back.out]).toEqual([1, expect.stringMatching(/version 1 runs again: .*\n.*: reverted\n$/)]);
    await begin(account, { progress_deadline: 1, auto_revert: false }, NEVER);
    const stalled = await rollout(account, "status", "web");
    expect([stalled.code, stalled.out]).toEqual([1, expect.stringMatching(/retry begins again.*\n.*: failed\n$/)]);
  });

  it("status ends with 2 where it is not over by the deadline", async ({ expect }) => {
    const account = await web();
    await begin(account, {}, NEVER);
    const { code, out } = await rollout(account, "status", "web", "--timeout", "300ms");
    expect([code, out]).toEqual([2, expect.stringMatching(/not over by the deadline\n$/)]);
    const refused = await rollout(account, "status", "web", "--timeout", "soon");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("--timeout")]);
  });

  it("moves one on and back, and says why not", async ({ expect }) => {
    const account = await web(2);
    const id = await begin(account, { kind: "full_manual", steps: [half(50), half(100)] });
    await account.api.send("GET /applications/{id}/rollouts/{rollout}/wait", { params: { ...params, rollout: id } });
    const previous = await rollout(account, "previous", "web");
    expect([previous.code, previous.out, previous.err]).toEqual([
      1,
      "",
      expect.stringContaining("previous is refused"),
    ]);
    for (const action of ["pause", "resume", "promote"]) {
      const acted = await rollout(account, action, "web");
      expect([action, acted.code, acted.err]).toEqual([action, 0, ""]);
    }
    expect((await rollout(account, "status", "web")).code).toBe(0);
    const next = await rollout(account, "next", "web", "--json");
    expect([next.code, JSON.parse(next.out)]).toEqual([1, expect.objectContaining({ success: false })]);
    const none = await rollout(account, "next", "web", "--rollout", "nothing");
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("ROLLOUT_NOT_FOUND")]);
  });

  it("aborts one, and lists what has been", async ({ expect }) => {
    const account = await web();
    const none = await rollout(account, "history", "web");
    expect([none.code, none.out]).toEqual([0, "web has had no rollout.\n"]);
    expect((await rollout(account, "next", "web")).err).toContain("has had no rollout");
    await begin(account, {}, NEVER);
    expect((await rollout(account, "abort", "web")).code).toBe(0);
    expect((await rollout(account, "status", "web")).code).toBe(1);
    const { out } = await rollout(account, "history", "web");
    const [head = "", row = ""] = out.split("\n");
    expect(head.split(/ {2,}/)).toEqual(["ROLLOUT", "BEGUN", "VERSIONS", "STRATEGY", "STATUS", "DESCRIPTION"]);
    expect(row).toMatch(/1 → 2 +rolling +reverted \(Aborted\) +to blue$/);
    expect(JSON.parse((await rollout(account, "history", "web", "--json")).out)).toHaveLength(1);
  });

  it("undo goes back to what ran before, or to a version by its number", async ({ expect }) => {
    const account = await web(0);
    const refused = await rollout(account, "undo", "web");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("--to-version")]);
    await begin(account, {});
    await rollout(account, "status", "web");
    await begin(account, {}, colour("green"));
    await rollout(account, "status", "web");
    const active = async () => (await account.api.send("GET /applications/{id}", { params })).result.version;
    for (const [flags, version] of [
      [[], 2],
      [["--to-version", "1"], 1],
    ] as const) {
      const { code, out } = await rollout(account, "undo", "web", ...flags);
      expect([code, out]).toEqual([0, expect.stringContaining(` to ${version}: `)]);
      await rollout(account, "status", "web");
      expect(await active()).toBe(version);
    }
    expect((await rollout(account, "undo", "web", "--to-version", "old")).err).toContain("--to-version");
  });
});

const manifest = (image: string) => `
owner: team
resources:
  - kind: application
    name: web
    spec: { instances: 1, rollout: { min_healthy_time: 0, progress_deadline: 1 }, configuration: { image: ${image} } }
`;
const apply = (account: Account, stdin: string) => gantry({ account, stdin }, "apply", "-f", "-");
const rolledOut = (spec: string) => `
owner: team
resources: [{ kind: rollout, name: go, spec: { application: web, min_healthy_time: 0, ${spec} } }]
`;

describe.concurrent("gantry apply", () => {
  it("says that what it has declared went back", async ({ expect }) => {
    const account = await newAccount();
    expect((await apply(account, manifest("hello-world"))).code).toBe(0);
    const { code, out } = await apply(account, manifest("never-starts"));
    expect([code, out]).toEqual([1, expect.stringContaining("application/web: failed: rollout ")]);
    expect(out).toContain("version 1 runs again");
  });

  it("takes every field of a rollout, and waits for one of an application that it does not declare", async ({
    expect,
  }) => {
    const account = await web(1);
    await begin(account, {});
    await rollout(account, "status", "web");
    const done = await apply(
      account,
      rolledOut("strategy: new_instances, sticky: { cookie: true }, target_version: 1"),
    );
    expect([done.code, done.err]).toEqual([0, ""]);
    const [newest] = (await account.api.send("GET /applications/{id}/rollouts", { params })).result;
    expect(newest).toMatchObject({
      strategy: "new_instances",
      phase: "completed",
      policy: { sticky: { cookie: true } },
    });
    const refused = await apply(account, rolledOut("sticky: { cookie: true }, target_version: 2"));
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("only for the strategy new_instances")]);
  });
});
