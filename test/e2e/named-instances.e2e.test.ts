/** Instances that are called by name, on real containers. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

describe("an instance that is called by name", () => {
  it("has one container for a hundred first callers, none while it sleeps, and another for the next", async ({
    expect,
  }) => {
    const id = await plane.create("sandbox", {
      instances: 0,
      named_instances: 2,
      configuration: { image: "hello-world", sleep_after: "2s", stop_grace: "1s" },
    });
    expect(await workloads()).toEqual([]);
    const answers = await Promise.all(Array.from({ length: 100 }, () => plane.fetch("/a/sandbox/@alice/json")));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
    const [instance, ...others] = new Set(answers.map(({ headers }) => headers["gantry-instance"]));
    expect(others).toEqual([]);
    expect(await workloads()).toHaveLength(1);
    await eventually(async () => (await workloads()).length === 0);
    // That the container is gone is seen a moment before its object says so.
    const asleep = await eventually(async () =>
      (await plane.instances(id)).find(({ status }) => status.state === "stopped"),
    );
    expect(asleep).toMatchObject({ id: instance, name: "alice", status: { reason: "Idle" } });
    const again = await plane.fetch("/a/sandbox/@alice/json");
    expect([again.status, again.headers["gantry-instance"]]).toEqual([200, instance]);
    expect(await workloads()).toHaveLength(1);
  });
});
