import { describe, it } from "vitest";
import { begin, cancel, newJob } from "./intents.ts";
import { IDENTITY, SPEC } from "./job-world.ts";
import { NO_PAST, type Attempt, type Job } from "./job.ts";
import { planJobs } from "./job-turns.ts";

const NOW = 1_000_000;

function job(id: string, fairnessKey: string, spec: Partial<typeof SPEC> = {}): Job {
  return newJob({ ...IDENTITY, id, fairnessKey, spec: { ...SPEC, ...spec } }, NOW);
}

const open = (jobs: readonly Job[]) => jobs.map((one) => ({ job: one, retries: [] }));

/** As many as there is room for, in their turn; those that are alive take room. */
function turns(jobs: readonly Job[], most: number, alive: Record<string, number> = {}): string[] {
  const live = new Map<string, Attempt[]>();
  const started = jobs.map((one) => {
    let current = one;
    const attempts: Attempt[] = [];
    for (let index = 0; index < (alive[one.id] ?? 0); index += 1) {
      const begun = begin(current, { index, past: NO_PAST }, NOW);
      current = begun.job;
      attempts.push(begun.attempt);
    }
    live.set(one.id, attempts);
    return current;
  });
  return planJobs({ jobs: open(started), live, most, now: NOW }).begins.map(({ job: id }) => id);
}

describe("jobs that cannot all begin", () => {
  it("take turns by their key, however many one of them has", ({ expect }) => {
    const many = Array.from({ length: 1_000 }, (_, index) => job(`m${index}`, "many"));
    const few = [job("f0", "few"), job("f1", "few")];
    const order = turns([...many, ...few], 6);
    expect(order.filter((id) => id.startsWith("f"))).toEqual(["f0", "f1"]);
    expect(order.slice(0, 4)).toEqual(["m0", "f0", "m1", "f1"]);
    expect(order).toHaveLength(6);
  });

  it("of a key that has some alive come after those of one that has none", ({ expect }) => {
    const busy = job("a", "a", { completions: 10, parallelism: 10 });
    expect(turns([busy, job("b", "b"), job("c", "b")], 5, { a: 3 })).toEqual(["b", "c"]);
    expect(turns([busy, job("b", "b")], 6, { a: 3 })).toEqual(["b", "a", "a"]);
  });

  it("of several keys with as many alive begin with the one whose turn is the longest ago", ({ expect }) => {
    const jobs = open([job("a", "a"), job("b", "b"), job("c", "c")]);
    const turnsTaken = new Map([
      ["a", 2],
      ["b", 1],
    ]);
    const { begins } = planJobs({ jobs, live: new Map(), most: 3, now: NOW, turns: turnsTaken });
    expect(begins.map(({ job: id }) => id)).toEqual(["c", "b", "a"]);
  });

  it("begin in the order in which they were made, where they share a key", ({ expect }) => {
    expect(turns([job("a", ""), job("b", ""), job("c", "")], 2)).toEqual(["a", "b"]);
  });

  it("wait where there is no room, and for as long as they are suspended", ({ expect }) => {
    expect(turns([job("a", "")], 0)).toEqual([]);
    expect(turns([job("a", "", { completions: 3, parallelism: 3 }), job("b", "")], 2, { a: 2 })).toEqual([]);
    expect(turns([{ ...job("a", ""), suspended: true }, job("b", "")], 5)).toEqual(["b"]);
  });

  it("are decided without any room", ({ expect }) => {
    const cancelled = cancel(job("a", ""), "ann", NOW);
    const { steps } = planJobs({
      jobs: open(cancelled === undefined ? [] : [cancelled]),
      live: new Map(),
      most: 0,
      now: NOW,
    });
    expect(steps).toMatchObject([{ job: "a", action: { type: "finish" } }]);
  });
});
