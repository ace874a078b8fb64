/**
 * workerd killed at random moments of many jobs: each attempt is counted once, no job is lost, none succeeds twice.
 * `CRASH_JOBS=200` is the long run, `CRASH_SEED` gives the moments.
 */
import { afterAll, beforeAll, it } from "vitest";
import { Random } from "../simulation/random.ts";
import { eventually } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const JOBS = Number(process.env["CRASH_JOBS"] ?? 20);
const SEED = Number(process.env["CRASH_SEED"] ?? 1);
const KILLS = Math.max(2, JOBS / 10);
/** From when it answers again: containers of the next attempts are starting, running or ending then. */
const MOMENT_MS = 2_500;
const AT_A_TIME = 6;

const plane = new LaunchedPlane();
beforeAll(() => plane.start(), 300_000);
afterAll(() => plane.remove());

/** Every other has two. */
const completionsOf = (number: number) => 1 + (number % 2);

interface WireJob {
  readonly id: string;
  readonly name: string;
  readonly finished_at: string | null;
  readonly status: Record<"succeeded" | "failed" | "lost" | "cancelled" | "ignored" | "active", number> & {
    state: string;
    completed_indexes: string;
  };
}

interface WireAttempt {
  readonly number: number;
  readonly index: number;
  readonly state: string;
  readonly ended_at: string | null;
}

/** Again, with the same key, until it is heard: workerd may be killed under it. */
async function insist<T>(method: string, path: string, body?: unknown, timeoutMs = 60_000): Promise<T> {
  const headers = method === "GET" ? {} : { "idempotency-key": crypto.randomUUID() };
  return await eventually(
    async () => await plane.call<T>(method, path, body, headers).catch(() => undefined),
    timeoutMs,
  );
}

async function jobs(): Promise<WireJob[]> {
  return await insist("GET", "/applications/crashes/jobs?per_page=100");
}

it(
  `counts every attempt of ${JOBS} jobs once while workerd is killed ${KILLS} times`,
  { timeout: 1_800_000 },
  async ({ expect }) => {
    const random = new Random(SEED).stream("moments");
    const configuration = { image: "hello-world", stop_grace: "1s" };
    await insist("POST", "/applications", { name: "crashes", instances: 0, job_instances: AT_A_TIME, configuration });
    const submitted: string[] = [];
    const submit = async () => {
      for (let number = 0; number < JOBS; number += 1) {
        // Every third fails once for each index.
        const failing = number % 3 === 0 ? ["--fail-first", "1"] : [];
        const { id } = await insist<WireJob>("POST", "/applications/crashes/jobs", {
          name: `crash-${number}`,
          completions: completionsOf(number),
          parallelism: completionsOf(number),
          retries: 2,
          backoff: 0,
          loss_retries: 1_000,
          entrypoint: ["node", "/app/server.js", "job", "--sleep", "0.2", ...failing],
        });
        submitted.push(id);
      }
    };
    const submitting = submit();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, random.between(0, MOMENT_MS));
      });
      expect(await plane.killWorkerd()).toBeGreaterThan(0);
      await plane.untilAnswersAgain(kill);
    }
    await submitting;
    const done: WireJob[] = [];
    for (const id of submitted)
      done.push(await insist("GET", `/applications/crashes/jobs/${id}/wait?timeout=25s`, undefined, 600_000));
    expect(new Set(submitted).size).toBe(JOBS);
    if (JOBS <= 100) expect((await jobs()).map(({ id }) => id).toSorted()).toEqual(submitted.toSorted());
    let lost = 0;
    for (const { id, name, status } of done) {
      const attempts = await insist<WireAttempt[]>("GET", `/applications/crashes/jobs/${id}/attempts?per_page=500`);
      const count = (state: string) => attempts.filter((one) => one.state === state).length;
      const wrong = JSON.stringify([name, status, attempts]);
      const order = Number(name.slice("crash-".length));
      const completions = completionsOf(order);
      const failed = order % 3 === 0 ? completions : 0;
      expect([status.state, status.active], wrong).toEqual(["succeeded", 0]);
      expect([status.succeeded, status.failed, status.cancelled], wrong).toEqual([completions, failed, 0]);
      expect(status.completed_indexes, wrong).toBe(completions === 1 ? "0" : "0-1");
      // As counted, so kept, and each number once.
      expect(attempts.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(attempts.map((_, at) => at + 1));
      for (const state of ["succeeded", "failed", "lost", "cancelled", "ignored"] as const) {
        expect([state, status[state]], wrong).toEqual([state, count(state)]);
      }
      lost += status.lost;
    }
    console.log(`seed ${SEED}: ${KILLS} kills, ${lost} attempts lost`);
    expect(lost).toBeGreaterThan(0);
    await insist("DELETE", "/applications/crashes");
    await eventually(async () => (await plane.containersOf("")).length === 0);
  },
);
