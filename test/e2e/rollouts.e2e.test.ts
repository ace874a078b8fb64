/** Rollouts on real containers: their steps, and their way back under load. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, type WireEvent, type WireInstance } from "./control-plane.ts";
import { coloured, Rollouts, steps } from "./rollouts.ts";

const plane = new ControlPlane();
const rollouts = new Rollouts(plane);
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => await rollouts.clean(task.result?.state === "fail"));

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
    const id = await rollouts.application("stepped", 10);
    const before = (await plane.events(id)).length;
    const first = await plane.instances(id);
    const rollout = await rollouts.begin(id, { steps: steps(10, 50, 100), target_configuration: coloured("green") });
    const done = await rollouts.until(id, rollout, ({ phase }) => phase !== "progressing");
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

describe("a version that never becomes ready", () => {
  it("goes back by itself at its deadline, and no request of 50 a second fails from start to end", async ({
    expect,
  }) => {
    const id = await rollouts.application("reverted", 3);
    const old = (await plane.instances(id)).map((one) => one.id);
    const stop = rollouts.asking("reverted", 50);
    const never = { name: "never", kind: "ready", type: "http", port: "web", http: { path: "/nowhere" } };
    const target = { ...coloured("green"), ports: [{ name: "web", port: 8080 }], checks: [never] };
    const rollout = await rollouts.begin(id, {
      steps: steps(50, 100),
      progress_deadline: "6s",
      target_configuration: target,
    });
    const over = await rollouts.until(id, rollout, ({ phase }) => phase === "reverted");
    const statuses = await stop();
    expect(Object.keys(statuses)).toEqual(["200"]);
    expect(statuses[200]).toBeGreaterThan(250);
    expect(over).toMatchObject({ status: "reverted", reason: "ProgressDeadlineExceeded" });
    // The one that never became ready may still be on its way out.
    const left = async () => (await plane.instances(id)).map((one) => one.id).toSorted();
    await eventually(async () => JSON.stringify(await left()) === JSON.stringify(old.toSorted()), 30_000);
    const { result } = await plane.call("GET", `/applications/${id}`);
    expect([result.version, result.configuration.environment_variables[0].value]).toEqual([1, "red"]);
  });
});
