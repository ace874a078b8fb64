/** Rollouts: what clients send, what is then run, and what is told of it. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, createApplication, domainError, eventsOf, eventually, instancesOf, untilReady } from "./client.ts";
import { admittedOnly, billed, forget, send, unheard } from "./writes.ts";

const env = (value: string) => ({ environment_variables: [{ name: "A", value }] });
const plan = (target: object, more: object = {}) => ({
  description: "Progressive update",
  strategy: "rolling",
  kind: "full_auto",
  step_percentage: 100,
  min_healthy_time: 0,
  target_configuration: target,
  ...more,
});

async function begin(id: string, body: object, headers: Record<string, string> = {}) {
  return await send("POST", `/applications/${id}/rollouts`, body, headers);
}

async function versionsOf(id: string): Promise<number[]> {
  return (await instancesOf(id)).map((instance) => (instance as unknown as { version: number }).version);
}

/** What has left its place is shown until it has ended. */
async function untilVersions(id: string, versions: readonly number[]): Promise<void> {
  await eventually(async () => JSON.stringify(await versionsOf(id)) === JSON.stringify(versions));
}

async function completed(id: string, rollout: string) {
  return await eventually(async () => {
    const { result } = await send("GET", `/applications/${id}/rollouts/${rollout}`);
    return result.status === "completed" && result;
  });
}

describe("a rollout", () => {
  it("brings every instance to the target, which is merged over what is active", async ({ expect }) => {
    const { id } = await createApplication({ instances: 3, configuration: { image: "hello-world", ...env("1") } });
    await untilReady(id, 3);
    const { status, result } = await begin(id, plan({ instance_type: "basic" }));
    expect(status).toBe(200);
    expect(result).toMatchObject({
      status: "progressing",
      description: "Progressive update",
      current_version: 1,
      target_version: 2,
      current_configuration: { ...env("1"), vcpu: 0.0625 },
      target_configuration: { ...env("1"), instance_type: "basic", vcpu: 0.25 },
      progress: { total_steps: 1, current_step: 0, updated_instances: 0, total_instances: 3 },
    });
    expect((await send("GET", `/applications/${id}`)).result).toMatchObject({
      version: 2,
      active_rollout_id: result.id,
    });
    const done = await completed(id, result.id);
    expect(done.progress).toMatchObject({
      total_steps: 1,
      current_step: 1,
      updated_instances: 3,
      total_instances: 3,
    });
    expect(done.steps).toEqual([expect.objectContaining({ id: 1, status: "completed" })]);
    await untilVersions(id, [2, 2, 2]);
    expect((await send("GET", `/applications/${id}`)).result.active_rollout_id).toBeUndefined();
  });

  it("to what runs already is complete at once and touches nothing", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    const before = await untilReady(id, 1);
    const { result } = await begin(id, plan({ image: "hello-world" }, { step_percentage: 25 }));
    expect(result).toMatchObject({ status: "completed", current_version: 1, target_version: 1 });
    expect(await instancesOf(id)).toEqual(before);
  });

  it("of what Alchemy sends after a patch activates the patched version", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    await untilReady(id, 2);
    const configuration = { image: "hello-world", instance_type: "dev", observability: { logs: { enabled: true } } };
    expect((await send("PATCH", `/applications/${id}`, { instances: 2, max_instances: 3, configuration })).status).toBe(
      200,
    );
    const { status, result } = await begin(id, plan(configuration, { step_percentage: 25 }));
    expect([status, result.target_version]).toEqual([200, 2]);
    expect(
      result.steps.map(({ step_size: { percentage } }: { step_size: { percentage: number } }) => percentage),
    ).toEqual([25, 50, 75, 100]);
    await completed(id, result.id);
    expect((await send("GET", `/applications/${id}/versions`)).result).toHaveLength(2);
  });

  it("passes its steps in order, and stays where the target does not get ready", async ({ expect }) => {
    const { id } = await createApplication({ instances: 2 });
    const before = await untilReady(id, 2);
    const { result } = await begin(id, plan({ image: "never-starts" }, { step_percentage: 50 }));
    await eventually(async () => (await instancesOf(id)).length === 3);
    const seen = (await send("GET", `/applications/${id}/rollouts/${result.id}`)).result;
    expect(seen).toMatchObject({ status: "progressing", progress: { current_step: 0, updated_instances: 0 } });
    expect(seen.steps.map(({ status }: { status: string }) => status)).toEqual(["progressing", "pending"]);
    const ready = (await instancesOf(id)).filter((instance) => instance.ready);
    expect(ready.map((instance) => instance.id)).toEqual(before.map((instance) => instance.id));
  });

  it("is replaced by the next one", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const first = (await begin(id, plan({ image: "never-starts" }))).result;
    const second = (await begin(id, plan({ image: "hello-world", ...env("2") }))).result;
    await completed(id, second.id);
    const list = (await send("GET", `/applications/${id}/rollouts`)).result;
    expect(list.map(({ id: rollout, status }: { id: string; status: string }) => [rollout, status])).toEqual([
      [second.id, "completed"],
      [first.id, "replaced"],
    ]);
    expect((await send("GET", `/applications/${id}/rollouts?limit=1`)).result).toHaveLength(1);
    expect((await send("GET", `/applications/${id}/rollouts?last=${second.id}`)).result).toEqual([list[1]]);
    expect((await send("GET", `/applications/${id}/rollouts?last=nothing`)).status).toBe(400);
  });

  it("of a PUT stands in the list", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const configuration = { image: "hello-world", ...env("2") };
    await send("PUT", `/applications/${id}`, { instances: 1, rollout: { min_healthy_time: 0 }, configuration });
    const [rollout] = (await send("GET", `/applications/${id}/rollouts`)).result;
    expect(await completed(id, rollout.id)).toMatchObject({ current_version: 1, target_version: 2 });
  });

  it("stays completed when an instance fails later, and over a restart", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const { result } = await begin(id, plan(env("2")));
    await completed(id, result.id);
    const [instance] = await instancesOf(id);
    await send("POST", `/applications/${id}/instances/${instance?.id}/stop`);
    await forget(id);
    expect((await send("GET", `/applications/${id}/rollouts/${result.id}`)).result.status).toBe("completed");
  });

  it("goes back to a stored version by its number", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1, configuration: { image: "hello-world", ...env("1") } });
    await untilReady(id, 1);
    await completed(id, (await begin(id, plan(env("2")))).result.id);
    const { target_configuration: _, ...back } = plan({}, { target_version: 1 });
    await completed(id, (await begin(id, back)).result.id);
    await untilVersions(id, [1]);
    expect(domainError(await begin(id, { ...back, target_version: 9 }))).toMatchObject({ error: "VERSION_NOT_FOUND" });
  });

  it("is begun once when its answer was not heard", async ({ expect }) => {
    const { id } = await createApplication({ instances: 1 });
    await untilReady(id, 1);
    const key = { "idempotency-key": crypto.randomUUID() };
    const first = await begin(id, plan(env("2")), key);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    await forget(id);
    const second = await begin(id, plan(env("2")), key);
    expect([second.status, second.headers.get("idempotency-replayed"), second.result.id]).toEqual([
      200,
      null,
      first.result.id,
    ]);
    expect((await send("GET", `/applications/${id}/rollouts`)).result).toHaveLength(1);
    expect((await eventsOf(id)).filter(({ name }) => name === "VersionActivated")).toHaveLength(1);
  });

  it("is finished by a retry when it was cut off before anything", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const key = crypto.randomUUID();
    const seed = await admittedOnly("POST", `/applications/${id}/rollouts`, plan(env("2")), key);
    const { status, result } = await begin(id, plan(env("2")), { "idempotency-key": key });
    expect([status, result.id, result.target_version]).toEqual([200, seed, 2]);
  });

  it("costs three rows where there is nothing to replace", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const before = await billed(id);
    const { result } = await begin(id, plan({ image: "hello-world" }));
    expect([result.status, (await billed(id)) - before]).toEqual(["completed", 3]);
  });

  it("of an image that is not there is refused", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    const answer = await begin(id, plan({ image: "postgres:16" }));
    expect(Object.keys(domainError(answer).details)).toContain("target_configuration.image");
  });

  it("of nothing is a 404", async ({ expect }) => {
    const { id } = await createApplication({ instances: 0 });
    expect((await begin("nothing", plan({}))).status).toBe(404);
    expect((await send("GET", `/applications/${id}/rollouts/nothing`)).status).toBe(404);
  });
});
