/** Rollouts on real containers: their steps, their way back under load, and what stays as it is meanwhile. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, type WireEvent, type WireInstance } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result) {
    await plane.call("DELETE", `/applications/${id}`);
  }
});

const coloured = (value: string) => ({
  image: "hello-world",
  stop_grace: "2s",
  environment_variables: [{ name: "COLOUR", value }],
});

const steps = (...percentages: number[]) =>
  percentages.map((percentage) => ({ step_size: { percentage }, description: `to ${percentage} %` }));

const QUICK = { description: "of a test", strategy: "rolling", min_healthy_time: "1s" } as const;

async function application(name: string, instances: number, more: object = {}): Promise<string> {
  const id = await plane.create(name, { instances, check_every: "1s", configuration: coloured("red"), ...more });
  await plane.untilReady(id, instances);
  return id;
}

async function begin(id: string, body: object): Promise<string> {
  const { status, result, errors } = await plane.call("POST", `/applications/${id}/rollouts`, { ...QUICK, ...body });
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result.id;
}

async function rolloutOf(id: string, rollout: string) {
  return (await plane.call("GET", `/applications/${id}/rollouts/${rollout}`)).result;
}

async function until(id: string, rollout: string, isIt: (rollout: { phase: string }) => boolean) {
  return await eventually(async () => {
    const seen = await rolloutOf(id, rollout);
    return isIt(seen) && seen;
  }, 60_000);
}

const act = async (id: string, rollout: string, action: string) =>
  await plane.call("POST", `/applications/${id}/rollouts/${rollout}`, { action });

/** How many slots live, take traffic and are at another version than 1 after each event, and how many were lost so far. */
function along(events: readonly WireEvent[], first: readonly WireInstance[]) {
  const live = new Map(first.map(({ deployment_id: id, version }) => [id, version]));
  const ready = new Set(live.keys());
  const gone = new Set<string>();
  return events.map(({ name, details, deployment_id: id = "" }) => {
    if (name === "SchedulerPlaced") live.set(id, Number(details["version"]));
    if ((name === "ContainerStarted" || name === "CheckUpdate") && details["ready"] === true) ready.add(id);
    if (name === "VMStopping") live.delete(id);
    if (name === "VMStopping" || name === "VMFailed") ready.delete(id);
    if (name === "VMFailed" && details["outcome"] === "lost") gone.add(id);
    const fresh = [...live.values()].filter((version) => version !== 1).length;
    // A machine that is overloaded loses some: nobody's fault here.
    const lost = [...gone].filter((one) => !ready.has(one)).length;
    return { name, details, live: live.size, ready: ready.size + lost, fresh };
  });
}

describe("a rollout in steps", () => {
  it("goes from 1 to 5 to 10 of 10, within its bounds, and tells of it in order", async ({ expect }) => {
    const id = await application("stepped", 10);
    const before = (await plane.events(id)).length;
    const first = await plane.instances(id);
    const rollout = await begin(id, { steps: steps(10, 50, 100), target_configuration: coloured("green") });
    const done = await until(id, rollout, ({ phase }) => phase !== "progressing");
    expect(done).toMatchObject({ phase: "completed", status: "completed", holding: [] });
    const seen = along((await plane.events(id)).slice(before), first);
    expect(Math.max(...seen.map(({ live }) => live))).toBeLessThanOrEqual(13);
    expect(Math.min(...seen.map(({ ready }) => ready))).toBeGreaterThanOrEqual(10);
    const marks = seen.filter(({ name }) => name === "RolloutStepCompleted");
    expect(marks.map(({ fresh, details }) => [details["percentage"], fresh])).toEqual([
      [10, 1],
      [50, 5],
      [100, 10],
    ]);
    const told = seen.map(({ name }) => name).filter((name) => name.startsWith("Rollout"));
    expect([told[0], told.at(-1)]).toEqual(["RolloutStarted", "RolloutCompleted"]);
    // The last one that went may still be on its way out.
    const versions = async () => (await plane.instances(id)).map(({ version }) => version).join("");
    await eventually(async () => (await versions()) === "2".repeat(10));
  });
});

/** A client that asks at an even pace, whatever comes back. */
function asking(name: string, perSecond: number) {
  const seen = new Map<number, number>();
  const open: Promise<void>[] = [];
  const timer = setInterval(() => {
    const asked = plane.ingress(name, "/json").then(
      ({ status }) => status,
      () => 0,
    );
    open.push(asked.then((status) => void seen.set(status, (seen.get(status) ?? 0) + 1)));
  }, 1_000 / perSecond);
  return async () => {
    clearInterval(timer);
    await Promise.all(open);
    return Object.fromEntries(seen);
  };
}

describe("a version that never becomes ready", () => {
  it("goes back by itself at its deadline, and no request of 50 a second fails from start to end", async ({
    expect,
  }) => {
    const id = await application("reverted", 3);
    const old = (await plane.instances(id)).map((one) => one.id);
    const stop = asking("reverted", 50);
    const never = { name: "never", kind: "ready", type: "http", port: "web", http: { path: "/nowhere" } };
    const target = { ...coloured("green"), ports: [{ name: "web", port: 8080 }], checks: [never] };
    const rollout = await begin(id, { steps: steps(50, 100), progress_deadline: "6s", target_configuration: target });
    const over = await until(id, rollout, ({ phase }) => phase === "reverted");
    const statuses = await stop();
    expect(Object.keys(statuses)).toEqual(["200"]);
    expect(statuses[200]).toBeGreaterThan(250);
    expect(over).toMatchObject({ status: "reverted", reason: "ProgressDeadlineExceeded" });
    expect((await plane.instances(id)).map((one) => one.id).toSorted()).toEqual(old.toSorted());
    const { result } = await plane.call("GET", `/applications/${id}`);
    expect([result.version, result.configuration.environment_variables[0].value]).toEqual([1, "red"]);
  });
});

describe("a rollout under way", () => {
  it("stays as it is while it is paused, beyond its deadline and over another count", async ({ expect }) => {
    const id = await application("paused", 4);
    const body = { steps: steps(50, 100), kind: "full_manual", progress_deadline: "15s" };
    const rollout = await begin(id, { ...body, target_configuration: coloured("green") });
    await until(id, rollout, ({ phase }) => phase === "waiting");
    expect(await act(id, rollout, "pause")).toMatchObject({ result: { success: true } });
    const since = Date.now();
    await eventually(() => Promise.resolve(Date.now() - since > 16_000), 30_000);
    const versions = async () => {
      const all = await plane.instances(id);
      return (
        all.every(({ ready }) => ready) &&
        all
          .map(({ version }) => version)
          .toSorted((a, b) => a - b)
          .join(" ")
      );
    };
    expect([(await rolloutOf(id, rollout)).phase, await versions()]).toEqual(["paused", "1 1 2 2"]);
    await plane.call("PATCH", `/applications/${id}`, { instances: 8 });
    await eventually(async () => (await versions()) === "1 1 1 1 2 2 2 2", 30_000);
    expect(await act(id, rollout, "next")).toMatchObject({
      result: { success: false, message: expect.stringContaining("resume") },
    });
    await act(id, rollout, "resume");
    await act(id, rollout, "next");
    await until(id, rollout, ({ phase }) => phase === "completed");
    await eventually(async () => (await versions()) === "2 2 2 2 2 2 2 2");
  });

  it("is replaced by a third version, of which nobody sees the second again", async ({ expect }) => {
    const id = await application("third", 4);
    const stop = asking("third", 20);
    const first = await begin(id, {
      steps: steps(50, 100),
      kind: "full_manual",
      target_configuration: coloured("green"),
    });
    await until(id, first, ({ phase }) => phase === "waiting");
    const before = (await plane.events(id)).length;
    const second = await begin(id, { step_percentage: 100, target_configuration: coloured("blue") });
    const over = await until(id, second, ({ phase }) => phase === "completed");
    expect([over, await rolloutOf(id, first)]).toMatchObject([
      { current_version: 1, target_version: 3 },
      { status: "replaced" },
    ]);
    const placed = (await plane.events(id)).slice(before).filter(({ name }) => name === "SchedulerPlaced");
    expect([...new Set(placed.map(({ details }) => details["version"]))]).toEqual([3]);
    expect(Object.keys(await stop())).toEqual(["200"]);
  });

  it("ends with its application, of which nothing is left", async ({ expect }) => {
    const id = await application("deleted", 3);
    const rollout = await begin(id, { steps: steps(50, 100), target_configuration: coloured("green") });
    await eventually(async () => (await plane.instances(id)).some(({ version }) => version === 2));
    expect((await plane.call("DELETE", `/applications/${id}`)).status).toBe(200);
    await eventually(async () => (await plane.call("GET", `/applications/${id}`)).status === 404, 30_000);
    expect((await plane.call("GET", `/applications/${id}/rollouts/${rollout}`)).status).toBe(404);
  });
});

describe("a rollout with two sides", () => {
  it("hands requests on at once: after the first answer of the new one none of the old one is begun", async ({
    expect,
  }) => {
    const id = await application("sides", 2);
    const answers: {
      readonly begun: number;
      readonly ended: number;
      readonly status: number;
      readonly instance: string;
    }[] = [];
    const one = async () => {
      const begun = performance.now();
      const { status, headers } = await plane.ingress("sides", "/json");
      answers.push({ begun, ended: performance.now(), status, instance: String(headers["gantry-instance"]) });
    };
    const open: Promise<void>[] = [];
    const timer = setInterval(() => void open.push(one()), 20);
    const old = new Set((await plane.instances(id)).map((instance) => instance.id));
    const body = { strategy: "blue_green", scale_down_delay: "10m", target_configuration: coloured("green") };
    const rollout = await begin(id, body);
    await until(id, rollout, ({ phase }) => phase === "completed");
    const isNew = ({ instance }: { readonly instance: string }) => !old.has(instance);
    await eventually(() => Promise.resolve(answers.filter(isNew).length > 20));
    clearInterval(timer);
    await Promise.all(open);
    expect([...new Set(answers.map(({ status }) => status))]).toEqual([200]);
    const first = Math.min(...answers.filter(isNew).map(({ ended }) => ended));
    expect(answers.filter(({ begun, instance }) => begun > first && old.has(instance))).toEqual([]);
    expect(answers.some(({ begun }) => begun > first)).toBe(true);
    // Both are still there, so that the way back starts nothing.
    const live = await plane.instances(id);
    expect(live).toHaveLength(4);
    const before = (await plane.events(id)).length;
    const back = await begin(id, { ...body, target_configuration: undefined, target_version: 1 });
    await until(id, back, ({ phase }) => phase === "completed");
    const since = (await plane.events(id)).slice(before).map(({ name }) => name);
    expect(since.filter((name) => name === "SchedulerPlaced")).toEqual([]);
    const { headers } = await plane.ingress("sides", "/json");
    expect(old.has(String(headers["gantry-instance"]))).toBe(true);
  });
});
