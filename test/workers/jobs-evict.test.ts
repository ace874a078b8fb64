/**
 * Jobs while their application, its instances and its account die at random points: each is made once and ends as it is
 * to, every attempt is counted once, and code and output of what has run are there. `EVICT_SEED` and `EVICT_ROUNDS` are as
 * for `evict.test.ts`.
 */
import { describe, inject, it } from "vitest";
import { ACCOUNT_ID } from "./client.ts";
import { containerOfAttempt, task, type WireAttempt } from "./jobs-world.ts";
import { World } from "./mortal-world.ts";
import { exempt, turnOnMortality } from "./mortality.ts";

turnOnMortality();
// The first account is everybody's.
exempt("ACCOUNT", ACCOUNT_ID);

const { seed: FIRST_SEED, rounds: ROUNDS } = inject("evictions");
const SEEDS = Array.from({ length: ROUNDS * 4 }, (_, index) => FIRST_SEED + index);

const JOBS = [
  task("exit=3 after=30 print=first", { name: "fails", retries: 1, loss_retries: 50 }),
  task("exit=0 after=20 print=second", { name: "done", completions: 3, parallelism: 2, loss_retries: 50 }),
];
/** Attempts at a time, of all of them. */
const MOST = 3;

describe.concurrent("jobs", () => {
  it.for(SEEDS)(
    "end as they are to, each attempt counted once, with the deaths of seed %i",
    { timeout: 90_000 },
    async (seed, { expect }) => {
      const world = await World.make(seed, "jobs");
      const id = await world.create({ instances: 0, jobs: true });
      world.most = MOST;
      world.arm(id);
      for (const body of JOBS) await world.insist("POST", `/applications/${id}/jobs`, body);
      // oxlint-disable-next-line typescript/no-explicit-any -- a test's view of JSON
      const list = async (): Promise<any[]> => (await world.insist("GET", `/applications/${id}/jobs`)).result;
      await world.until("jobs", async () => (await list()).every((job) => job.finished_at !== null), [id]);
      const jobs = await list();
      expect(jobs.map(({ name, status: { state, reason } }) => `${name} ${state} ${reason}`)).toEqual([
        "done succeeded CompletionsReached",
        "fails failed BackoffLimitExceeded",
      ]);
      expect([...world.broken]).toEqual([]);
      for (const { id: job, status } of jobs) {
        const path = `/applications/${id}/jobs/${job}/attempts`;
        const attempts: WireAttempt[] = (await world.insist("GET", `${path}?per_page=500`)).result;
        expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, position) => position + 1));
        for (const state of ["succeeded", "failed", "lost", "cancelled", "ignored"]) {
          expect([state, attempts.filter((one) => one.state === state).length]).toEqual([state, status[state]]);
        }
        const isDone = status.state === "succeeded";
        const ran = attempts.filter(({ state }) => state === (isDone ? "succeeded" : "failed"));
        expect(ran).toHaveLength(isDone ? 3 : 2);
        for (const { number } of ran) {
          const { result: logs } = await world.insist("GET", `${path}/${number}/logs`);
          expect([logs.exit_code, logs.stdout]).toEqual(isDone ? [0, "second"] : [3, "first"]);
        }
        expect(attempts.some((one) => containerOfAttempt(one).running)).toBe(false);
      }
      await world.insist("DELETE", `/applications/${id}`);
      await world.until("its end", async () => await world.isErased(id));
    },
  );
});
