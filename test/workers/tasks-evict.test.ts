/**
 * Tasks of both modes while their application, its instances and its account die at random points: each is done, none is
 * made twice, and each that runs has had one job. `EVICT_SEED` and `EVICT_ROUNDS` are as for `evict.test.ts`.
 */
import { describe, inject, it } from "vitest";
import { ACCOUNT_ID } from "./client.ts";
import { World } from "./mortal-world.ts";
import { exempt, turnOnMortality } from "./mortality.ts";
import { http, run } from "./tasks-world.ts";

turnOnMortality();
// The first account is everybody's.
exempt("ACCOUNT", ACCOUNT_ID);

const { seed: FIRST_SEED, rounds: ROUNDS } = inject("evictions");
const SEEDS = Array.from({ length: ROUNDS * 4 }, (_, index) => FIRST_SEED + index);

interface WireTask {
  readonly id: string;
  readonly mode: string;
  readonly state: string;
  readonly tries: number;
}

describe.concurrent("tasks", () => {
  it.for(SEEDS)(
    "are done, each once as far as anybody can know, with the deaths of seed %i",
    { timeout: 90_000 },
    async (seed, { expect }) => {
      const world = await World.make(seed, "tasks");
      const id = await world.create({ instances: 1, jobs: true });
      world.arm(id);
      const posted = Array.from({ length: 4 }, (_, n) => ({
        ...http(`/${n}`, { backoff: 0, retries: 50 }),
        fairness_key: `${n}`,
      }));
      const jobs = Array.from({ length: 3 }, () => run("exit=0", { backoff: 0, retries: 50 }));
      const sent = await world.insist("POST", `/applications/${id}/tasks/batch`, { tasks: [...posted, ...jobs] });
      const list = async (): Promise<readonly WireTask[]> => {
        return (await world.insist("GET", `/applications/${id}/tasks?per_page=100`)).result;
      };
      await world.until("tasks", async () => (await list()).every(({ state }) => state === "succeeded"), [id]);
      const tasks = await list();
      expect(tasks.map((task) => task.id).toSorted()).toEqual(sent.result.map((task: WireTask) => task.id).toSorted());
      expect(tasks.filter(({ mode }) => mode === "run").map(({ tries }) => tries)).toEqual([1, 1, 1]);
      const { result: made } = await world.insist("GET", `/applications/${id}/jobs?per_page=100`);
      expect(made).toHaveLength(jobs.length);
      await world.insist("DELETE", `/applications/${id}`);
      await world.until("its end", async () => await world.isErased(id));
      console.log({ message: "lived", seed, deaths: world.fate.log.length, rings: world.rings });
    },
  );
});
