/** `gantry rollout …` against a control plane, as a terminal runs it. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    const once = await rollout(account, "status", "web", "--once");
    expect([once.code, once.out]).toEqual([1, expect.stringMatching(/^rollout \S+: failed: .*\n$/)]);
  });

  it("status ends where somebody has to go on, and says with which command", async ({ expect }) => {
    const account = await web(2);
    const id = await begin(account, { kind: "full_manual", steps: [half(50), half(100)] });
    const waiting = await rollout(account, "status", "web");
    const next = `rollout ${id}: waits for somebody to say next after step 1 of 2 (50 %): gantry rollout next web goes on\n`;
    expect([waiting.code, waiting.err, waiting.out]).toEqual([
      0,
      "",
      expect.stringMatching(/^step 1 of 2 .* is done.*: next/m),
    ]);
    expect(waiting.out.endsWith(next)).toBe(true);
    await rollout(account, "pause", "web");
    const paused = await rollout(account, "status", "web");
    expect([paused.code, paused.out]).toEqual([0, expect.stringContaining("gantry rollout resume web goes on\n")]);
    expect(paused.out.split("\n")[0]).toMatch(/step 1 of 2 \(50 %\).*paused|paused.*step 1 of 2 \(50 %\)/);
    const told = JSON.parse((await rollout(account, "status", "web", "--json")).out);
    expect(told).toMatchObject({ outcome: "paused", rollout: { id } });
    await begin(account, { strategy: "new_instances", percentage: 50 }, colour("green"));
    const share = await rollout(account, "status", "web");
    expect([share.code, share.out]).toEqual([0, expect.stringContaining("(50 %): gantry rollout next web goes on\n")]);
  });

  it("status ends with 1 where a gate has paused it", async ({ expect }) => {
    const account = await web(2);
    const nobody = { name: "ask", type: "webhook", url: "https://gate.invalid/", interval: 1, timeout: 1 };
    await begin(account, { step_percentage: 50, gates: [nobody] });
    const { code, out } = await rollout(account, "status", "web");
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/a gate has paused it at step 1 of 2 \(50 %\): .*resume web/),
    ]);
  });

  it("status --once tells what it is at, and follows nothing", async ({ expect }) => {
    const account = await web();
    const id = await begin(account, {}, NEVER);
    const { code, out } = await rollout(account, "status", "web", "--once");
    expect([code, out]).toEqual([0, `rollout ${id}: step 1 of 1 (100 %): 0 of 1 healthy at version 2\n`]);
  });

  it("start begins one to what runs with something changed, and follows it", async ({ expect }) => {
    const account = await web(2);
    const { code, out, err } = await rollout(
      account,
      ..."start web --set D=1 --set C=blue=1 --steps 50,100 --min-healthy-time 0 --max-surge 1".split(" "),
      ..."--max-unavailable 50% --progress-deadline never --scale-down-delay 1s".split(" "),
    );
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^rollout \S+ from version 1 to 2: step 1 of 2 \(50 %\).*\n[^]*: completed\n$/);
    const [newest] = (await account.api.send("GET /applications/{id}/rollouts", { params })).result;
    expect(newest?.description).toBe("set D, C");
    expect(newest?.steps?.map(({ step_size }) => step_size.percentage)).toEqual([50, 100]);
    expect(newest?.policy).toMatchObject({ max_surge: 1, max_unavailable: "50%", min_healthy_time: 0 });
    expect(newest?.policy).toMatchObject({ progress_deadline: null, scale_down_delay: 1 });
    const { result } = await account.api.send("GET /applications/{id}", { params });
    expect(result.configuration.environment_variables).toEqual([
      { name: "D", value: "1" },
      { name: "C", value: "blue=1" },
    ]);
    const back = await rollout(account, "start", "web", "--version", "1", "--no-wait", "--description", "d", "--json");
    const begun = JSON.parse(back.out);
    expect([back.code, begun.description, begun.target_version, begun.phase]).toEqual([0, "d", 1, "progressing"]);
  });

  it("start takes image, strategy, kind and shares, and ends as status does", async ({ expect }) => {
    const account = await web(2);
    const manual = ["--kind", "full_manual", "--step-percentage", "50", "--min-healthy-time", "0"];
    const waits = await rollout(account, "start", "--set", "C=blue", "web", ...manual);
    expect([waits.code, waits.out]).toEqual([0, expect.stringContaining("rollout next web")]);
    const shared = ["--strategy", "new_instances", "--percentage", "50", "--min-healthy-time", "0", "--json"];
    const share = await rollout(account, "start", "web", "--set", "C=green", ...shared);
    const told = JSON.parse(share.out);
    expect([share.code, told.outcome, told.rollout.strategy, told.rollout.percentage]).toEqual([
      0,
      "waiting",
      "new_instances",
      50,
    ]);
    const failing = await rollout(
      account,
      "start",
      "web",
      "--image",
      "never-starts",
      "--progress-deadline",
      "1",
      "--min-healthy-time",
      "0",
    );
    expect([failing.code, failing.out]).toEqual([1, expect.stringContaining(": reverted\n")]);
  });

  it.for([
    [[], "--version, --image or --set"],
    [["--version", "1", "--image", "hello-world"], "--version"],
    [["--version", "one"], "--version: must be a version's number"],
    [["--set", "C"], "--set: must be NAME=value"],
    [["--image", "hello-world", "--steps", "10,half"], "--steps"],
    [["--image", "hello-world", "--steps", "50"], "must be 100 in the last step"],
    [["--image", "hello-world", "--strategy", "sideways"], "strategy"],
    [["--image", "hello-world", "--timeout", "soon"], "--timeout"],
  ] as const)("start with %j is refused: %s", async ([flags, why], { expect }) => {
    const account = await web(0);
    const { code, err } = await rollout(account, "start", "web", ...flags);
    expect([code, err]).toEqual([1, expect.stringContaining(why)]);
    expect((await account.api.send("GET /applications/{id}/rollouts", { params })).result).toEqual([]);
  });

  it("names the path of what got no answer", async ({ expect }) => {
    const account = await newAccount();
    const { code, err } = await gantry({ account, url: "http://127.0.0.1:1" }, "rollout", "history", "web");
    expect([code, err]).toEqual([1, expect.stringContaining("GET /applications/web/rollouts got no answer")]);
  });

  it("status ends with 2 where it is not over by the deadline", async ({ expect }) => {
    const account = await web();
    await begin(account, {}, NEVER);
    const { code, out } = await rollout(account, "status", "web", "--timeout", "300ms");
    expect([code, out]).toEqual([2, expect.stringMatching(/not over by the deadline\n$/)]);
    expect(out).toMatch(/^step 1 of 1 \(100 %\): 0 of 1 healthy at version 2; waits for \S+\n/);
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
    expect(head.split(/ {2,}/)).toEqual([
      "ROLLOUT",
      "BEGUN",
      "ENDED",
      "DURATION",
      "VERSIONS",
      "STRATEGY",
      "STATUS",
      "DESCRIPTION",
    ]);
    expect(row).toMatch(/Z +\d{4}-\S+Z +(?:\d+m)?\d*s? +1 → 2 +rolling +reverted \(Aborted\) +to blue$/);
    expect(JSON.parse((await rollout(account, "history", "web", "--json")).out)).toHaveLength(1);
  });

  it("undo goes back to what ran before, or to a version by its number", async ({ expect }) => {
    const account = await web(0);
    const refused = await rollout(account, "undo", "web");
    expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/^web has had no rollout: .*--to-version/)]);
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

describe.concurrent("gantry rollout undo", () => {
  it("goes back as what runs has come, unless it is told otherwise", async ({ expect }) => {
    const account = await web();
    await account.api.send("PATCH /applications/{id}", { params, body: { rollout: { min_healthy_time: 0 } } });
    await begin(account, { strategy: "blue_green" });
    await rollout(account, "status", "web");
    const undone = await rollout(account, "undo", "web", "--json");
    expect(JSON.parse(undone.out)).toMatchObject({ strategy: "blue_green", target_version: 1 });
    await rollout(account, "status", "web");
    const other = await rollout(account, "undo", "web", "--strategy", "rolling", "--json");
    expect(JSON.parse(other.out)).toMatchObject({ strategy: "rolling", target_version: 2 });
  });
});

const manifest = (image: string) => `
owner: team
resources:
  - kind: application
    name: web
    spec: { instances: 1, rollout: { min_healthy_time: 0, progress_deadline: 1 }, configuration: { image: ${image} } }
`;
const both = (image: string, rolled: string, more = "") => `
owner: team
resources:
  - kind: application
    name: web
    spec: { instances: 2, rollout: { min_healthy_time: 0 }, configuration: { image: ${image}${more} } }
  - { kind: rollout, name: go, spec: { application: web, min_healthy_time: 0, ${rolled} } }
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

  it("tells a failure once, by the rollout", async ({ expect }) => {
    const account = await newAccount();
    expect((await apply(account, both("hello-world", "step_percentage: 50"))).code).toBe(0);
    const { code, out } = await apply(account, both("never-starts", "step_percentage: 50, progress_deadline: 1"));
    expect(code).toBe(1);
    expect(out.match(/has failed/g)).toHaveLength(1);
    expect(out).toContain("rollout/go: failed: rollout ");
  });

  it("ends where somebody has to go on, and says so", async ({ expect }) => {
    const account = await newAccount();
    const rolled = "kind: full_manual, step_percentage: 50";
    await apply(account, both("hello-world", rolled));
    const { code, out } = await apply(
      account,
      both("hello-world", rolled, ", environment_variables: [{ name: A, value: b }]"),
    );
    expect([code, out]).toEqual([
      2,
      expect.stringMatching(/rollout\/go: late: rollout \S+: step 1 of 2 .*next goes on/),
    ]);
  });

  it("says that a field which is taken out takes the steps with it", async ({ expect }) => {
    const account = await newAccount();
    const ports = ", ports: [{ name: http, port: 8080 }]";
    await apply(account, both("hello-world", "step_percentage: 50", ports));
    const text = "rollout/go: change (goes in one step, without steps and gates: configuration.ports is taken out)";
    const without = both("hello-world", "step_percentage: 50");
    for (const command of ["diff", "apply"]) {
      const { code, out } = await gantry({ account, stdin: without }, command, "-f", "-");
      expect([command, code, out]).toEqual([command, 0, expect.stringContaining(text)]);
    }
    const [newest] = (await account.api.send("GET /applications/{id}/rollouts", { params })).result;
    expect(newest?.steps).toHaveLength(1);
  });

  it("shows and writes what wrangler.jsonc lacks for an image that the control plane does not know", async ({
    expect,
  }) => {
    const account = await newAccount();
    const cwd = await mkdtemp(join(tmpdir(), "gantry-"));
    const file = join(cwd, "wrangler.jsonc");
    const config =
      '{ "containers": [{ "class_name": "Instance", "scheduling_policy": "durable_object", "images": {} }] }\n';
    await writeFile(file, config);
    const stdin = manifest("./containers/mine");
    await writeFile(join(cwd, "gantry.yaml"), stdin.replace("name: web", "name: mine"));
    const shown = await gantry({ account, cwd }, "diff");
    expect([shown.code, shown.err]).toEqual([0, ""]);
    expect(shown.out).toContain('"dockerfile": "./containers/mine/Dockerfile"');
    expect(shown.out).toContain("does not have mine yet");
    expect((await gantry({ account, cwd }, "diff", "--exit-code")).code).toBe(1);
    const kept = await gantry({ account, cwd }, "apply");
    expect([kept.code, await readFile(file, "utf8")]).toEqual([1, config]);
    const written = await gantry({ account, cwd }, "apply", "--write");
    expect([written.code, written.err]).toEqual([1, expect.stringContaining("npm start again")]);
    expect(await readFile(file, "utf8")).toContain('"./containers/mine/Dockerfile"');
    expect((await account.api.list("GET /applications")).length).toBe(0);
    await rm(cwd, { recursive: true });
  });
});
