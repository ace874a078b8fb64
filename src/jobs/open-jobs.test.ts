import { describe, it } from "vitest";
import { begin, cancel, newJob, resume } from "./intents.ts";
import { IDENTITY, SPEC } from "./job-world.ts";
import { NO_PAST, type Job } from "./job.ts";
import { OpenJobs } from "./open-jobs.ts";

const NOW = 1_000_000;
const NO_TURNS: ReadonlyMap<string, number> = new Map();

function job(id: string, fairnessKey = "", suspended = false): Job {
  return newJob({ ...IDENTITY, id, fairnessKey, suspended, spec: SPEC }, NOW);
}

const begun = (one: Job) => begin(one, { index: 0, past: NO_PAST }, NOW).job;

function filled(...jobs: readonly Job[]): OpenJobs {
  const open = new OpenJobs();
  for (const one of jobs) open.put(one);
  return open;
}

const inHand = (open: OpenJobs, room: number, turns = NO_TURNS, now = NOW) =>
  open.inHand(room, turns, now).jobs.map((one) => one.job.id);

describe("the jobs that a pass looks at", () => {
  it("are as many as there is room for, however many wait", ({ expect }) => {
    const many = Array.from({ length: 10_000 }, (_, index) => job(`j${index}`));
    const open = filled(...many);
    expect(inHand(open, 3)).toEqual(["j0", "j1", "j2"]);
    expect(inHand(open, 0)).toEqual([]);
    expect(open.all()).toHaveLength(10_000);
  });

  it("are of as many keys as there is room for, those first that had no turn or an earlier one", ({ expect }) => {
    const many = Array.from({ length: 10_000 }, (_, index) => job(`j${index}`, `key ${index}`));
    const turns = new Map(Array.from({ length: 1_000 }, (_, index) => [`key ${999 - index}`, index + 1]));
    expect(inHand(filled(...many), 2, turns)).toEqual(["j1000", "j1001"]);
    expect(inHand(filled(...many.slice(0, 1_000)), 2, turns)).toEqual(["j998", "j999"]);
  });

  it("are also of keys beyond those of which something is alive", ({ expect }) => {
    const alive = [begun(job("a1", "a")), begun(job("b1", "b"))];
    const open = filled(...alive, job("a2", "a"), job("b2", "b"), job("c1", "c"));
    const turns = new Map([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
    expect(inHand(open, 1, turns)).toEqual(["a1", "b1", "a2", "b2", "c1"]);
  });

  it("are all that have begun or are decided, whatever room there is", ({ expect }) => {
    const cancelled = cancel(job("cancelled"), "ann", NOW);
    if (cancelled === undefined) throw new Error("it is not over");
    const open = filled(job("waits"), begun(job("runs")), cancelled);
    expect(inHand(open, 0)).toEqual(["runs", "cancelled"]);
    expect(inHand(open, 1)).toEqual(["waits", "runs", "cancelled"]);
  });

  it("are none that are suspended before they began; resumed, they stand where they were", ({ expect }) => {
    const open = filled(job("first", "", true), job("second"), job("third"));
    expect(inHand(open, 3)).toEqual(["second", "third"]);
    const resumed = resume(job("first", "", true));
    if (resumed === undefined) throw new Error("it is not over");
    open.put(resumed);
    expect(inHand(open, 2)).toEqual(["first", "second"]);
  });

  it("are none that were looked at and wait to be tried again, until that time or their deadline", ({ expect }) => {
    const failed = begun(job("failed"));
    const open = filled(failed, { ...begun(job("late")), spec: { ...SPEC, deadlineMs: 5_000 } });
    for (const id of ["failed", "late"]) {
      open.retries(id)?.set(0, { index: 0, notBefore: NOW + 10_000, past: { failures: 1, losses: 0 } });
    }
    expect(inHand(open, 1)).toEqual(["failed", "late"]);
    expect(open.inHand(1, NO_TURNS, NOW)).toEqual({ jobs: [], wakeAt: NOW + 5_000, waiting: 2 });
    expect(inHand(open, 1, NO_TURNS, NOW + 5_000)).toEqual(["late"]);
    expect(inHand(open, 1, NO_TURNS, NOW + 10_000)).toEqual(["failed", "late"]);
    // Whatever changes one is looked at.
    open.put(failed);
    expect(inHand(open, 1)).toEqual(["failed"]);
  });

  it("are all of which an attempt is alive, or more may begin", ({ expect }) => {
    const two = { ...SPEC, completions: 2 };
    const open = filled({ ...begun(job("more")), spec: two }, { ...begun(job("alive")), spec: two, nextIndex: 2 });
    for (const id of ["more", "alive"]) {
      open.retries(id)?.set(0, { index: 0, notBefore: NOW + 10_000, past: NO_PAST });
    }
    for (const _ of [1, 2]) expect(inHand(open, 1)).toEqual(["more", "alive"]);
  });

  it("are none that are over", ({ expect }) => {
    const open = filled(job("a"), begun(job("b")));
    open.delete("a");
    open.delete("b");
    expect([inHand(open, 9), open.all(), open.get("a")]).toEqual([[], [], undefined]);
  });
});
