/**
 * What a rollout goes around, on real containers: a job of a minute, a request of two, and the death of the control plane at
 * each of its steps.
 */
import { request } from "node:http";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, workloads, type WireInstance } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const REQUEST_S = 120;
const JOB_S = 60;

const coloured = (value: string) => ({
  image: "hello-world",
  environment_variables: [{ name: "COLOUR", value }],
});

const steps = (...percentages: number[]) =>
  percentages.map((percentage) => ({ step_size: { percentage }, description: `to ${percentage} %` }));

describe.concurrent("what is under way in an application", () => {
  const plane = new ControlPlane();
  beforeAll(() => plane.start());
  afterAll(() => plane.stop());

  /** All that it sends, as long as that takes. */
  async function streamed(path: string): Promise<{ lines: number; endedAt: number }> {
    const url = new URL(path, plane.origin);
    const body = await new Promise<string>((resolve, reject) => {
      const call = request(String(url), { headers: { host: `busy.localhost:${url.port}` } }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.on("end", () => resolve(text));
        answer.on("error", reject);
      });
      call.on("error", reject);
      call.end();
    });
    return { lines: body.trim().split("\n").length, endedAt: Date.now() };
  }

  it("is finished by the old version, and the rollout completes around it", async ({ expect }) => {
    const id = await plane.create("busy", { instances: 2, job_instances: 1, configuration: coloured("red") });
    await plane.untilReady(id, 2);
    const { result: job } = await plane.call("POST", `/applications/${id}/jobs`, {
      name: "long",
      retries: 0,
      entrypoint: ["node", "/app/server.js", "job", "--sleep", String(JOB_S), "--print", "done"],
    });
    const long = streamed(`/stream?lines=${REQUEST_S}&ms=1000`);
    const path = `/applications/${id}/jobs/${job.id}`;
    await eventually(async () => (await plane.call("GET", path)).result.status.active === 1);
    const begun = await plane.call("POST", `/applications/${id}/rollouts`, {
      description: "around",
      strategy: "rolling",
      min_healthy_time: "1s",
      steps: steps(50, 100),
      target_configuration: coloured("green"),
    });
    const { result: rollout } = begun;
    await eventually(async () => {
      const { result } = await plane.call("GET", `/applications/${id}/rollouts/${rollout.id}`);
      return result.phase === "completed";
    }, 40_000);
    const completedAt = Date.now();
    const { result: still } = await plane.call("GET", path);
    expect([still.status.state, still.status.active]).toEqual(["running", 1]);
    await eventually(async () => (await plane.call("GET", path)).result.finished_at !== null, 1000 * (JOB_S + 30));
    const { result: attempts } = await plane.call("GET", `${path}/attempts`);
    expect(attempts).toMatchObject([{ number: 1, state: "succeeded", exit_code: 0 }]);
    const { lines, endedAt } = await long;
    expect([lines, endedAt > completedAt + 30_000]).toEqual([REQUEST_S, true]);
    // What it was waited for goes, and nothing but the new version is left.
    await eventually(async () => {
      const all: WireInstance[] = await plane.instances(id);
      const pool = all.filter(({ status }) => status.state === "running");
      return pool.length === 2 && pool.every(({ version }) => version === 2);
    }, 60_000);
    await plane.call("DELETE", `/applications/${id}`);
    await eventually(async () => (await workloads()).length === 0, 60_000);
  }, 400_000);
});

interface WireRollout {
  readonly id: string;
  readonly phase: string;
  readonly holding: readonly string[];
  readonly progress: { readonly current_step: number };
}

describe.concurrent("a control plane that is killed", () => {
  const plane = new LaunchedPlane();
  beforeAll(() => plane.start(), 300_000);
  afterAll(() => plane.remove());

  async function insist<T>(method: string, path: string, body?: unknown): Promise<T> {
    const headers = method === "GET" ? {} : { "idempotency-key": crypto.randomUUID() };
    return await eventually(
      async () => await plane.call<T>(method, path, body, headers).catch(() => undefined),
      60_000,
    );
  }

  it("at each step of a rollout brings it to its end, told once", async ({ expect }) => {
    const base = { instances: 4, check_every: "1s", configuration: { ...coloured("red"), stop_grace: "1s" } };
    await insist("POST", "/applications", { name: "killed", ...base });
    await insist("GET", "/applications/killed/wait?state=ready&timeout=25s");
    const { id } = await insist<WireRollout>("POST", "/applications/killed/rollouts", {
      description: "over deaths",
      strategy: "rolling",
      min_healthy_time: "1s",
      steps: steps(25, 50, 75, 100),
      target_configuration: { ...coloured("green"), stop_grace: "1s" },
    });
    const look = async () => await insist<WireRollout>("GET", `/applications/killed/rollouts/${id}`);
    for (let kill = 1; kill <= 4; kill += 1) {
      await eventually(async () => (await look()).progress.current_step >= kill - 1, 60_000);
      expect(await plane.killWorkerd()).toBeGreaterThan(0);
      await plane.untilAnswersAgain(kill);
    }
    const done = await eventually(async () => {
      const rollout = await look();
      return rollout.phase !== "progressing" && rollout;
    }, 120_000);
    expect(done).toMatchObject({ phase: "completed", holding: [] });
    const instances = await insist<readonly WireInstance[]>("GET", "/applications/killed/instances-v2");
    const running = instances.filter(({ status }) => status.state === "running");
    expect(running.map(({ version }) => version)).toEqual([2, 2, 2, 2]);
    const events = await insist<readonly { name: string }[]>("GET", "/applications/killed/events?per_page=1000");
    const told = events.map(({ name }) => name).filter((name) => name.startsWith("Rollout"));
    const step = "RolloutStepCompleted";
    expect(told).toEqual(["RolloutStarted", step, step, step, step, "RolloutCompleted"]);
    await insist("DELETE", "/applications/killed");
    await eventually(async () => (await plane.containersOf("")).length === 0, 60_000);
  }, 600_000);
});
