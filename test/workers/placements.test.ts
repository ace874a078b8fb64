/** Placements: what clients wait for, the history of a deployment, and replacing the present one. */
import { describe, it } from "vitest";
import { ACCOUNT_ID, createApplication, domainError, eventually, untilReady } from "./client.ts";
import { send, unheard } from "./writes.ts";

const names = (placement: { events: { name: string }[] }) => placement.events.map(({ name }) => name);

async function placed() {
  const { id } = await createApplication();
  const [instance] = await untilReady(id, 1);
  const deployment = instance?.deployment_id ?? "";
  return { id, deployment, path: `/deployments/${deployment}/placements`, instance };
}

async function until(path: string, count: number) {
  return await eventually(async () => {
    const { result } = await send("GET", path);
    return result.length === count && result[0].status.ready && result;
  });
}

describe("a placement", () => {
  it("has the events that clients wait for, in order, each with an id of its own", async ({ expect }) => {
    const { deployment, path } = await placed();
    const [placement] = (await send("GET", path)).result;
    expect(placement).toMatchObject({
      id: `${deployment}.1`,
      deployment_id: deployment,
      deployment_version: 0,
      terminate: false,
      status: { health: "running", container_status: "running", ready: true },
    });
    expect(names(placement)).toEqual(["SchedulerPlaced", "ImagePulled", "VMStarted", "ContainerStarted"]);
    const ids = placement.events.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.slice(1, 3)).toEqual([`${ids[3]}.1`, `${ids[3]}.2`]);
    for (const event of placement.events) expect(event.statusChange).toBeTypeOf("object");
    expect((await send("GET", `/placements/${placement.id}`)).result).toEqual(placement);
  });

  it("that ended stays in the history, newest first", async ({ expect }) => {
    const { id, path, instance, deployment } = await placed();
    await send("POST", `/applications/${id}/instances/${instance?.name}/restart`);
    const [second, first] = await until(path, 2);
    expect([second.id, first.id]).toEqual([`${deployment}.2`, `${deployment}.1`]);
    expect(first.status).toMatchObject({ health: "stopped", ready: false });
    const stop = ["VMStopping", "Cordoned", "Drained", "SigtermSent", "VMStopped"];
    expect(names(first).slice(-stop.length)).toEqual(stop);
    expect((await send("GET", `/placements/${first.id}`)).result).toEqual(first);
  });

  it("of an image that does not boot has failed", async ({ expect }) => {
    const { id } = await createApplication({ configuration: { image: "never-boots" } });
    const failed = await eventually(async () => {
      const [deployment] = (await send("GET", `/applications/${id}/deployments`)).result;
      const { result } = await send("GET", `/deployments/${deployment.id}/placements`);
      return result.find(({ status }: { status: { health: string } }) => status.health === "failed");
    });
    expect(names(failed)).not.toContain("ImagePulled");
  });

  it("is replaced by the next one on request", async ({ expect }) => {
    const { path, deployment } = await placed();
    const { status, result } = await send("POST", `/placements/${deployment}.1`, { replace: true });
    expect([status, result.id, result.terminate]).toEqual([200, `${deployment}.1`, true]);
    expect((await until(path, 2))[0].id).toBe(`${deployment}.2`);
  });

  it("stays as it is when nothing is asked of it", async ({ expect }) => {
    const { path, deployment } = await placed();
    const before = (await send("GET", path)).result;
    expect((await send("POST", `/placements/${deployment}.1`, { replace: false })).result).toEqual(before[0]);
    expect((await send("GET", path)).result).toEqual(before);
  });

  it("that is not the present one is not replaced", async ({ expect }) => {
    const { path, deployment } = await placed();
    await send("POST", `/placements/${deployment}.1`, { replace: true });
    await until(path, 2);
    const answer = await send("POST", `/placements/${deployment}.1`, { replace: true });
    expect([answer.status, domainError(answer).error]).toEqual([409, "PLACEMENT_NOT_CURRENT"]);
    expect((await send("GET", path)).result).toHaveLength(2);
  });

  it("is replaced once when the answer was not heard", async ({ expect }) => {
    const { path, deployment } = await placed();
    const key = { "idempotency-key": crypto.randomUUID() };
    await send("POST", `/placements/${deployment}.1`, { replace: true }, key);
    await until(path, 2);
    await unheard(ACCOUNT_ID, key["idempotency-key"]);
    const again = await send("POST", `/placements/${deployment}.1`, { replace: true }, key);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, null]);
    expect((await send("GET", path)).result).toHaveLength(2);
  });

  it.for(["x", "x.1", "auto-0-00000000000000000000000000000000-000000000000.1"])(
    "%s is a 404",
    async (id, { expect }) => {
      for (const answer of [
        await send("GET", `/placements/${id}`),
        await send("POST", `/placements/${id}`, { replace: true }),
      ]) {
        expect([answer.status, domainError(answer).error]).toEqual([404, "PLACEMENT_NOT_FOUND"]);
      }
    },
  );

  it("of a number that a deployment never reached is a 404", async ({ expect }) => {
    const { deployment } = await placed();
    expect((await send("GET", `/placements/${deployment}.7`)).status).toBe(404);
  });

  it.for([
    ["replace", {}],
    ["replace", { replace: "yes" }],
    ["force", { replace: true, force: true }],
  ] as const)("is refused over %s", async ([field, body], { expect }) => {
    const { deployment } = await placed();
    const answer = await send("POST", `/placements/${deployment}.1`, body);
    expect([answer.status, Object.keys(domainError(answer).details)]).toEqual([400, [field]]);
  });
});
