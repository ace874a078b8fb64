/** Gates of a rollout, all the way: what is asked of whom, and what the rollout makes of it. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { createApplication, eventsOf, eventually, instancesOf, raw, untilReady } from "./client.ts";
import { containerOf } from "./fake-container.ts";
import { billed, forget, send } from "./writes.ts";

interface Asked {
  readonly key: string | null;
  readonly redirect: string;
  readonly body: Record<string, unknown>;
}

type Answer = (measurement: number) => Response | Promise<Response>;

/** The Internet, as far as webhooks go: by host. */
const hooks = new Map<string, { readonly answer: Answer; readonly asked: Asked[] }>();
const { fetch: outside } = globalThis;

beforeAll(() => {
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const hook = hooks.get(new URL(request.url).host);
    if (hook === undefined) throw new Error(`nobody is at ${request.url}`);
    const body = await request.json<Record<string, unknown>>();
    hook.asked.push({ key: request.headers.get("idempotency-key"), redirect: request.redirect, body });
    return await hook.answer(hook.asked.length);
  };
});

afterAll(() => {
  globalThis.fetch = outside;
});

function webhook(answer: Answer) {
  const host = `${crypto.randomUUID()}.hook.test`;
  const asked: Asked[] = [];
  hooks.set(host, { answer, asked });
  return { asked, gate: { name: "hook", type: "webhook", url: `http://${host}/gate`, interval: "100ms" } };
}

const env = (answers: string) => ({ environment_variables: [{ name: "ANSWERS", value: answers }] });
const steps = [50, 100].map((percentage) => ({ step_size: { percentage }, description: "" }));

async function application() {
  const { id, name } = await createApplication({ instances: 2, configuration: { image: "hello-world", ...env("") } });
  await untilReady(id, 2);
  return { id, name };
}

async function begin(id: string, gates: object[], more: object = {}, answers = "/bad=500"): Promise<string> {
  const { status, result, errors } = await send("POST", `/applications/${id}/rollouts`, {
    description: "of a test",
    strategy: "rolling",
    min_healthy_time: 0,
    steps,
    gates,
    target_configuration: env(answers),
    ...more,
  });
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result.id;
}

async function until(id: string, rollout: string, phase: string) {
  return await eventually(async () => {
    const { result } = await send("GET", `/applications/${id}/rollouts/${rollout}`);
    return result.phase === phase && result;
  });
}

async function act(id: string, rollout: string, action: string) {
  return (await send("POST", `/applications/${id}/rollouts/${rollout}`, { action })).result;
}

/** What is on its way out may be seen for a moment more. */
async function untilAt(id: string, versions: readonly number[]): Promise<void> {
  await eventually(async () => {
    const instances = (await instancesOf(id)) as unknown as { version: number }[];
    const seen = instances.map(({ version }) => version).toSorted((a, b) => a - b);
    return JSON.stringify(seen) === JSON.stringify(versions);
  });
}

async function measuredOf(id: string): Promise<unknown[]> {
  const events = await eventsOf(id);
  return events.filter(({ name }) => name === "RolloutMeasured").map(({ details }) => details["verdict"]);
}

/** Goes on calling it until its rollout is there. */
async function callUntil(id: string, name: string, rollout: string, path: string, phase: string) {
  return await eventually(async () => {
    const answers = Array.from({ length: 10 }, async () => {
      await (await raw("GET", `http://${name}.localhost${path}`)).text();
    });
    await Promise.all(answers);
    const { result } = await send("GET", `/applications/${id}/rollouts/${rollout}`);
    return result.phase === phase && result;
  });
}

const says = (verdict: string) => () => Response.json({ verdict, message: `it is ${verdict}` });

describe.concurrent("a webhook", () => {
  it("that passes lets the rollout go on, once for each step but the last", async ({ expect }) => {
    const { id, name } = await application();
    const { asked, gate } = webhook(says("passed"));
    const rollout = await begin(id, [{ ...gate, count: 2 }]);
    await until(id, rollout, "completed");
    await untilAt(id, [2, 2]);
    expect(asked.map(({ body }) => body)).toEqual(
      [1, 2].map((measurement) => {
        return { rollout, application: name, version: 2, step: 1, percentage: 50, gate: "hook", measurement };
      }),
    );
    expect(new Set(asked.map(({ key }) => key)).size).toBe(2);
    expect(asked.every(({ redirect }) => redirect === "manual")).toBe(true);
    expect(await measuredOf(id)).toEqual(["passed", "passed"]);
  });

  it("that fails takes the rollout back, and says why", async ({ expect }) => {
    const { id } = await application();
    const { asked, gate } = webhook(says("failed"));
    const rollout = await begin(id, [gate]);
    const over = await until(id, rollout, "reverted");
    expect([over.reason, over.status]).toEqual(["AnalysisFailed", "reverted"]);
    expect(JSON.stringify(over)).toContain("it is failed");
    await untilAt(id, [1, 1]);
    expect(asked).toHaveLength(1);
  });

  it("that fails leaves it as it is when it must not go back by itself", async ({ expect }) => {
    const { id } = await application();
    const { gate } = webhook(() => new Response(null, { status: 403 }));
    const rollout = await begin(id, [gate], { auto_revert: false });
    const stalled = await until(id, rollout, "stalled");
    expect(stalled.measurements).toEqual([
      { gate: "hook", at: expect.any(String), verdict: "failed", message: "answered 403" },
    ]);
    await untilAt(id, [1, 2]);
  });

  it("that fails more seldom than its limit takes nobody back", async ({ expect }) => {
    const { id } = await application();
    const { gate } = webhook((measurement) => says(measurement === 1 ? "failed" : "passed")());
    const rollout = await begin(id, [{ ...gate, failure_limit: 1 }]);
    await until(id, rollout, "completed");
    expect(await measuredOf(id)).toEqual(["failed", "passed"]);
  });

  it("that says nothing pauses the rollout, which a person takes on", async ({ expect }) => {
    const { id } = await application();
    const { asked, gate } = webhook(() => new Response("down", { status: 503 }));
    const rollout = await begin(id, [gate]);
    const paused = await until(id, rollout, "paused");
    expect([paused.reason, paused.measurements.length, asked.length]).toEqual(["AnalysisInconclusive", 3, 3]);
    expect((await act(id, rollout, "resume")).success).toBe(true);
    await until(id, rollout, "completed");
    await untilAt(id, [2, 2]);
    expect(asked).toHaveLength(3);
  });

  it("costs two rows a measurement, and nothing between two of them", async ({ expect }) => {
    const { id } = await application();
    const third = Promise.withResolvers<void>();
    const { asked, gate } = webhook(async (measurement) => {
      if (measurement === 3) await third.promise;
      if (measurement === 5) await new Promise(() => undefined);
      return says("passed")();
    });
    await begin(id, [{ ...gate, count: 10, timeout: "30s" }]);
    await eventually(async () => asked.length === 3);
    await untilAt(id, [1, 2]);
    const before = await billed(id);
    third.resolve();
    await eventually(async () => asked.length === 5);
    expect((await billed(id)) - before).toBe(4);
  });

  it("of a dry run is asked, and decides nothing", async ({ expect }) => {
    const { id } = await application();
    const { asked, gate } = webhook(says("failed"));
    const rollout = await begin(id, [{ ...gate, dry_run: true, count: 2 }]);
    await until(id, rollout, "completed");
    expect([asked.length, await measuredOf(id)]).toEqual([2, ["failed", "failed"]]);
  });

  it("is not heard any more once the rollout is paused, and asked anew when it goes on", async ({ expect }) => {
    const { id } = await application();
    const first = Promise.withResolvers<void>();
    const { asked, gate } = webhook(async (measurement) => {
      if (measurement === 1) await first.promise;
      return says(measurement === 1 ? "failed" : "passed")();
    });
    const rollout = await begin(id, [{ ...gate, timeout: "30s" }]);
    await eventually(async () => asked.length === 1);
    expect((await act(id, rollout, "pause")).success).toBe(true);
    first.resolve();
    expect((await until(id, rollout, "paused")).measurements).toEqual([]);
    expect((await act(id, rollout, "resume")).success).toBe(true);
    await until(id, rollout, "completed");
    expect(asked.map(({ body }) => body["measurement"])).toEqual([1, 1]);
    expect(await measuredOf(id)).toEqual(["passed"]);
  });

  it("is asked for the same again by a control plane that was lost meanwhile", async ({ expect }) => {
    const { id } = await application();
    const { asked, gate } = webhook(async (measurement) => {
      if (measurement === 1) await new Promise(() => undefined);
      return says("passed")();
    });
    const rollout = await begin(id, [{ ...gate, timeout: "30s" }]);
    await eventually(async () => asked.length === 1);
    await forget(id);
    await until(id, rollout, "completed");
    expect(asked.length).toBe(2);
    expect(asked[1]?.key).toBe(asked[0]?.key);
  });

  it("that gives no answer in time says nothing", async ({ expect }) => {
    const { id } = await application();
    const { gate } = webhook(async () => await new Promise<never>(() => undefined));
    const rollout = await begin(id, [{ ...gate, timeout: "100ms" }]);
    const paused = await until(id, rollout, "paused");
    expect(paused.measurements[0]).toMatchObject({ verdict: "inconclusive", message: "no answer within 0.1 s" });
  });

  it("is not waited for by who promotes the rollout", async ({ expect }) => {
    const { id } = await application();
    const { asked, gate } = webhook(async () => await new Promise<never>(() => undefined));
    const rollout = await begin(id, [gate]);
    await eventually(async () => asked.length === 1);
    expect((await act(id, rollout, "promote")).success).toBe(true);
    await until(id, rollout, "completed");
    expect(await measuredOf(id)).toEqual([]);
  });
});

describe.concurrent("a check", () => {
  const gate = { name: "page", type: "check", path: "/bad", interval: "100ms" };

  it("asks the instances at the target only, and passes with what is expected", async ({ expect }) => {
    const { id } = await application();
    const before = await instancesOf(id);
    const rollout = await begin(id, [{ ...gate, expect_status: [500] }]);
    await until(id, rollout, "completed");
    for (const one of before) expect(containerOf(one.id).checked).not.toContain("/bad");
    expect(await measuredOf(id)).toEqual(["passed"]);
  });

  it("of blue-green is made before any request goes to the new version", async ({ expect }) => {
    const { id, name } = await application();
    const strategy = { strategy: "blue_green", steps: undefined };
    const failing = await begin(id, [gate], { ...strategy, auto_revert: false });
    await until(id, failing, "stalled");
    for (const path of ["/bad", "/bad", "/bad", "/bad"]) {
      expect((await raw("GET", `http://${name}.localhost${path}`)).status).toBe(200);
    }
    expect((await eventsOf(id)).map((event) => event.name)).not.toContain("RolloutSwitching");
    const passing = await begin(id, [{ ...gate, expect_status: [500] }], strategy);
    await until(id, passing, "completed");
    expect((await raw("GET", `http://${name}.localhost/bad`)).status).toBe(500);
    expect(await measuredOf(id)).toEqual(["failed", "passed"]);
  });

  it("asks the port that it names", async ({ expect }) => {
    const { id } = await application();
    const rollout = await begin(id, [{ ...gate, port: 9_000 }], { auto_revert: false });
    const { measurements } = await until(id, rollout, "stalled");
    expect(measurements[0].message).toContain("GET /bad on port 9000 answered 500");
  });

  it("names the instance that fails it", async ({ expect }) => {
    const { id } = await application();
    const rollout = await begin(id, [gate], { auto_revert: false });
    const { measurements } = await until(id, rollout, "stalled");
    const instances = (await instancesOf(id)) as unknown as { id: string; version: number }[];
    const fresh = instances.find(({ version }) => version === 2);
    const message = `instance ${fresh?.id}: GET /bad on port 8080 answered 500`;
    expect(measurements).toEqual([{ gate: "page", at: expect.any(String), verdict: "failed", message }]);
  });
});

describe.concurrent("an error rate", () => {
  const gate = { name: "errors", type: "error_rate", max_ratio: 0.2, min_requests: 5, interval: "1s" };

  it("of a version that answers 500 takes the rollout back", async ({ expect }) => {
    const { id, name } = await application();
    const rollout = await begin(id, [gate]);
    await callUntil(id, name, rollout, "/bad", "reverted");
    await untilAt(id, [1, 1]);
    const [measured] = (await eventsOf(id)).filter(({ details }) => details["verdict"] === "failed");
    expect(measured?.message).toMatch(/^gate errors: failed: (\d+) of \1 requests failed \(100 %\)$/);
  });

  it("of one that answers well lets it go on", async ({ expect }) => {
    const { id, name } = await application();
    const rollout = await begin(id, [gate]);
    await callUntil(id, name, rollout, "/good", "completed");
    await untilAt(id, [2, 2]);
    expect((await measuredOf(id)).at(-1)).toBe("passed");
  });

  it("of one that nobody calls says nothing", async ({ expect }) => {
    const { id } = await application();
    const rollout = await begin(id, [{ ...gate, interval: "100ms" }]);
    const { measurements } = await until(id, rollout, "paused");
    expect(measurements[0]).toMatchObject({
      verdict: "inconclusive",
      message: "0 of 0 requests failed; 5 requests are needed to judge",
    });
  });
});
