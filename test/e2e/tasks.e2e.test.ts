/** Messages of a real queue that become tasks of real containers. */
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let application = "";

beforeAll(async () => {
  await plane.start();
  const configuration = { image: "hello-world", stop_grace: "1s" };
  const body = { instances: 0, autoscaling: { min: 0, max: 1, queue_depth: 5 }, jobs: true, configuration };
  application = await plane.create("tasks", body);
});
afterAll(() => plane.stop());
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

interface WireTask {
  readonly state: string;
  readonly reason: string | null;
  readonly status: number | null;
  readonly tries: number;
  readonly losses: number;
  readonly job: string | null;
}

/** In that state, by its key; asked again when an object was dropped under the question. */
async function until(key: string, state: string): Promise<WireTask> {
  return await eventually(async () => {
    const { result } = await plane
      .call("GET", `/applications/${application}/tasks/${key}`)
      .catch(() => ({ result: null }));
    return result?.state === state && result;
  });
}

const queue = async (bodies: readonly object[]) => {
  await plane.fetch("/__test/queue", { method: "POST", body: JSON.stringify(bodies) });
};

const message = (key: string, body: object) => ({ application: "tasks", idempotency_key: key, ...body });
const job = (...args: string[]) => ({
  mode: "run",
  run: { entrypoint: ["node", "/app/server.js", "job", ...args], retries: 0 },
});

describe("messages of a queue", () => {
  it("start a pool that sleeps, run jobs, and are dead letters where they can be neither", async ({ expect }) => {
    await queue([
      message("posted", { mode: "http", http: { path: "/echo" }, payload: { a: 1 } }),
      message("missing", { mode: "http", http: { path: "/nothing", retries: 1, backoff: 0 } }),
      message("job", job("--print", "hello")),
      message("failing", job("--exit", "3")),
      { application: "tasks", mode: "dance" },
    ]);
    expect(await until("posted", "succeeded")).toMatchObject({ status: 200, tries: 1 });
    expect(await until("missing", "dead")).toMatchObject({ status: 404, tries: 2, reason: "RetriesExhausted" });
    const done = await until("job", "succeeded");
    const logs = await plane.call("GET", `/applications/${application}/jobs/${done.job}/attempts/1/logs`);
    expect(logs.result).toMatchObject({ stdout: "hello\n", exit_code: 0 });
    expect(await until("failing", "dead")).toMatchObject({ reason: "BackoffLimitExceeded" });
    const letters: unknown[] = JSON.parse((await plane.fetch("/__test/queue")).body);
    expect(letters).toMatchObject([{ reason: { code: "VALIDATE_INPUT" }, body: { mode: "dance" } }]);
  });

  it("are done although the scheduler is dropped in the middle", async ({ expect }) => {
    const bodies = [
      message("slow", { mode: "http", http: { path: "/stream?lines=4&ms=500" } }),
      message("long", job("--sleep", "2")),
    ];
    await queue(bodies);
    await until("slow", "running");
    await until("long", "running");
    await plane.fetch(`/__test/abort/APPLICATION/${application}`);
    await queue(bodies);
    expect(await until("slow", "succeeded")).toMatchObject({ tries: 2, losses: 1 });
    expect(await until("long", "succeeded")).toMatchObject({ tries: 1 });
    const { result } = await plane.call("GET", `/applications/${application}/tasks?per_page=100`);
    expect(result).toHaveLength(6);
    await plane.call("DELETE", `/applications/${application}`);
    await eventually(async () => (await workloads()).length === 0);
  });
});
