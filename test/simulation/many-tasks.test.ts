/**
 * Ten thousand tasks, fifty at a time, on the simulated platform: all are accounted for, whoever reads their list meanwhile
 * reads each once, and what a task costs does not grow with the number of those before it.
 */
import { describe, it } from "vitest";
import { formatIndexes } from "../../src/jobs/index-set.ts";
import { stateOf } from "../../src/jobs/job.ts";
import { findJob } from "../../src/jobs/job-store.ts";
import { silence } from "./engine/simulation.ts";
import { settle, VirtualTime } from "./engine/time.ts";
import { scenarioOf } from "./bugs.ts";
import { submission, type Submission } from "./scheduler/jobs/deeds.ts";
import { World } from "./scheduler/world.ts";

const TASKS = Number(process.env["MANY_TASKS"] ?? 10_000);
const AT_ONCE = 50;
const PAGE = 100;
const TENTHS = 10;
/** In steps of the world. */
const LOOK_EVERY = 500;
/** One in twenty fails once or more, and is tried again. */
const WORK = { at: 0, retries: null, retriesPerIndex: 20, backoffMs: 2_000, fails: 0.05, lastMs: 400 } as const;

interface Costs {
  readonly reads: number;
  readonly writes: number;
}

const single = (job: string) => submission({ ...WORK, job, completions: 1, parallelism: 1 });

type Reader = (world: World) => void;

/** Everything that is submitted, run to its end. */
async function run(submissions: readonly Submission[], read: Reader) {
  const time = new VirtualTime();
  const restore = time.install();
  const loud = silence();
  const world = new World(time, scenarioOf({ scenario: { instances: 0, jobs: AT_ONCE } }), () => undefined);
  const { jobs } = world;
  try {
    world.create();
    for (const each of submissions) jobs.desk.submit(each);
    const { db } = world.application.life;
    const costs: Costs[] = [];
    const open = new Set(submissions.map(({ job }) => job));
    let most = 0;
    for (let steps = 1; open.size > 0; steps += 1) {
      if (!time.step(Number.POSITIVE_INFINITY)) throw new Error(`nothing happens any more, ${open.size} jobs are open`);
      await settle();
      if (jobs.rules.violation !== null) throw new Error(jobs.rules.violation);
      if (steps % LOOK_EVERY > 0) continue;
      const { succeeded = 0 } = jobs.tally();
      if (succeeded >= (costs.length + 1) * (TASKS / TENTHS)) costs.push(world.application.costs());
      const alive = world.deployments().filter(({ attempt }) => attempt?.isOver === false);
      most = Math.max(most, alive.length);
      read(world);
      for (const job of open) {
        if (findJob(db, job)?.finishedAt == null) break;
        open.delete(job);
      }
    }
    read(world);
    return { jobs: submissions.map(({ job }) => findJob(db, job)), costs, most, tally: jobs.tally() };
  } finally {
    world.close();
    loud();
    restore();
  }
}

/** What each tenth of the tasks has cost. */
function tenths(costs: readonly Costs[], kind: keyof Costs): number[] {
  return costs.slice(1).map((each, index) => each[kind] - (costs[index]?.[kind] ?? 0));
}

/** The last tenth but one, in which as many are alive as may be, against an early one. */
function growth(costs: readonly Costs[], kind: keyof Costs): number {
  const [early = 1, ...others] = tenths(costs, kind);
  return (others.at(-2) ?? Number.POSITIVE_INFINITY) / early;
}

describe(`${TASKS} tasks, ${AT_ONCE} at a time`, () => {
  it(
    "of one job are all done, each attempt is counted, and its list stands still",
    { timeout: 120_000 },
    async ({ expect }) => {
      const numbers: number[] = [];
      const follow: Reader = ({ application }) => {
        const page = application.life.jobs.attempts("all", numbers.at(-1) ?? 0, PAGE);
        numbers.push(...page.attempts.map((each) => ("attempt" in each ? each.attempt.number : each.number)));
      };
      const job = submission({ ...WORK, job: "all", completions: TASKS, parallelism: AT_ONCE });
      const { jobs, costs, most, tally } = await run([job], follow);
      const [done] = jobs;
      if (done === undefined) throw new Error("the job is gone");
      expect(done.verdict).toMatchObject({ outcome: "succeeded", reason: "CompletionsReached" });
      expect(formatIndexes(done.doneIndexes)).toBe(`0-${TASKS - 1}`);
      expect(done.tally).toMatchObject({ succeeded: TASKS, lost: 0, cancelled: 0, ignored: 0 });
      expect(done.tally.failed).toBeGreaterThan(TASKS / 50);
      expect(done.attempts).toBe(TASKS + done.tally.failed);
      expect(tally).toMatchObject({ succeeded: TASKS, failed: done.tally.failed, attempts: done.attempts });
      expect(most).toBe(AT_ONCE);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      expect(numbers.length).toBeGreaterThan(TASKS / 2);
      expect(growth(costs, "writes")).toBeLessThan(1.1);
      expect(growth(costs, "reads")).toBeLessThan(1.1);
    },
  );

  it(
    "of as many jobs are all done, and whoever pages through them sees each once",
    { timeout: 120_000 },
    async ({ expect }) => {
      const seen: string[] = [];
      let before: number | null | "end" = null;
      const follow: Reader = ({ application }) => {
        if (before === "end") return;
        const page = application.life.jobs.list({}, before, PAGE);
        seen.push(...page.jobs.map(({ job }) => job.id));
        before = page.next ?? "end";
      };
      const names = Array.from({ length: TASKS }, (_, index) => `t${index}`);
      const { jobs, costs, most, tally } = await run(names.map(single), follow);
      const states = jobs.map((job) => (job === undefined ? "gone" : stateOf(job)));
      expect(states.filter((state) => state !== "succeeded")).toEqual([]);
      const attempts = jobs.reduce((sum, job) => sum + (job?.attempts ?? 0), 0);
      expect(tally).toMatchObject({ succeeded: TASKS, lost: 0, cancelled: 0, attempts });
      expect(attempts).toBe(TASKS + (tally["failed"] ?? 0));
      expect(attempts).toBeGreaterThan(TASKS * 1.02);
      expect(most).toBe(AT_ONCE);
      expect(seen).toEqual(names.toReversed());
      expect(growth(costs, "writes")).toBeLessThan(1.1);
      expect(growth(costs, "reads")).toBeLessThan(1.1);
    },
  );
});
