/** Rollouts on real containers that something comes in the way of, and ones with two sides. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually } from "./control-plane.ts";
import { coloured, Rollouts, steps } from "./rollouts.ts";

const plane = new ControlPlane();
const rollouts = new Rollouts(plane);
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => await rollouts.clean(task.result?.state === "fail"));

describe("a rollout under way", () => {
  it("stays as it is while it is paused, beyond its deadline and over another count", async ({ expect }) => {
    const id = await rollouts.application("paused", 4);
    const body = { steps: steps(50, 100), kind: "full_manual", progress_deadline: "15s" };
    const rollout = await rollouts.begin(id, { ...body, target_configuration: coloured("green") });
    await rollouts.until(id, rollout, ({ phase }) => phase === "waiting");
    expect(await rollouts.act(id, rollout, "pause")).toMatchObject({ result: { success: true } });
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
    expect([(await rollouts.get(id, rollout)).phase, await versions()]).toEqual(["paused", "1 1 2 2"]);
    await plane.call("PATCH", `/applications/${id}`, { instances: 8 });
    await eventually(async () => (await versions()) === "1 1 1 1 2 2 2 2", 30_000);
    expect(await rollouts.act(id, rollout, "next")).toMatchObject({
      result: { success: false, message: expect.stringContaining("resume") },
    });
    await rollouts.act(id, rollout, "resume");
    await rollouts.act(id, rollout, "next");
    await rollouts.until(id, rollout, ({ phase }) => phase === "completed");
    await eventually(async () => (await versions()) === "2 2 2 2 2 2 2 2");
  });

  it("is replaced by a third version, of which nobody sees the second again", async ({ expect }) => {
    const id = await rollouts.application("third", 4);
    const stop = rollouts.asking("third", 20);
    const first = await rollouts.begin(id, {
      steps: steps(50, 100),
      kind: "full_manual",
      target_configuration: coloured("green"),
    });
    await rollouts.until(id, first, ({ phase }) => phase === "waiting");
    const before = (await plane.events(id)).length;
    const second = await rollouts.begin(id, { step_percentage: 100, target_configuration: coloured("blue") });
    const over = await rollouts.until(id, second, ({ phase }) => phase === "completed");
    expect([over, await rollouts.get(id, first)]).toMatchObject([
      { current_version: 1, target_version: 3 },
      { status: "replaced" },
    ]);
    const placed = (await plane.events(id)).slice(before).filter(({ name }) => name === "SchedulerPlaced");
    expect([...new Set(placed.map(({ details }) => details["version"]))]).toEqual([3]);
    expect(Object.keys(await stop())).toEqual(["200"]);
  });

  it("ends with its application, of which nothing is left", async ({ expect }) => {
    const id = await rollouts.application("deleted", 3);
    const rollout = await rollouts.begin(id, { steps: steps(50, 100), target_configuration: coloured("green") });
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
    const id = await rollouts.application("sides", 2);
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
    const rollout = await rollouts.begin(id, body);
    await rollouts.until(id, rollout, ({ phase }) => phase === "completed");
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
    const back = await rollouts.begin(id, { ...body, target_configuration: undefined, target_version: 1 });
    await rollouts.until(id, back, ({ phase }) => phase === "completed");
    const since = (await plane.events(id)).slice(before).map(({ name }) => name);
    expect(since.filter((name) => name === "SchedulerPlaced")).toEqual([]);
    const { headers } = await plane.ingress("sides", "/json");
    expect(old.has(String(headers["gantry-instance"]))).toBe(true);
  });
});

describe("a rollout that shares requests out", () => {
  it("sends that share of clients to the new version, and each of them always to the same", async ({ expect }) => {
    const id = await rollouts.application("shared", 4);
    const old = new Set((await plane.instances(id)).map((instance) => instance.id));
    const rollout = await rollouts.begin(id, {
      strategy: "new_instances",
      kind: "full_manual",
      percentage: 25,
      sticky: { cookie: true },
      target_configuration: coloured("green"),
    });
    await rollouts.until(id, rollout, ({ phase }) => phase === "waiting");
    const ask = async (cookie?: string) => {
      const { status, headers } = await plane.ingress(
        "shared",
        "/json",
        cookie === undefined ? {} : { headers: { cookie } },
      );
      const [given] = headers["set-cookie"] ?? [];
      return { status, isNew: !old.has(String(headers["gantry-instance"])), cookie: given?.split(";")[0] ?? cookie };
    };
    const clients = await Promise.all(Array.from({ length: 200 }, () => ask()));
    expect(new Set(clients.map(({ status }) => status))).toEqual(new Set([200]));
    const share = clients.filter(({ isNew }) => isNew).length / clients.length;
    // Four standard deviations of 200 draws of a quarter.
    expect(Math.abs(share - 0.25)).toBeLessThan(0.13);
    for (const { cookie, isNew } of clients.slice(0, 40)) {
      expect((await ask(cookie)).isNew).toBe(isNew);
    }
    await rollouts.act(id, rollout, "next");
    await rollouts.until(id, rollout, ({ phase }) => phase === "completed");
    await eventually(async () => (await ask()).isNew);
  });
});
