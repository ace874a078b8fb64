/** Each invariant of jobs is shown able to fail, as those of everything else are. */
import { describe, it } from "vitest";
import { findJob, putJob, removeJob } from "../../src/jobs/job-store.ts";
import type { Job, JobSpec, Retry } from "../../src/jobs/job.ts";
import type { JobSlots } from "../../src/orchestrator/job-slots.ts";
import type { LaunchSpec } from "../../src/orchestrator/launch-spec.ts";
import type { SchedulerDeps } from "../../src/orchestrator/scheduler-deps.ts";
import { lifecycle, patched, reported, scenarioOf, scheduler, store, type Bug } from "./bugs.ts";
import { invariantOf } from "./engine/simulation.ts";
import type { Deed } from "./scheduler/scenario.ts";
import type { Submission } from "./scheduler/jobs/deeds.ts";
import { simulate } from "./scheduler/simulate.ts";
import type { Tampering } from "./scheduler/world.ts";

/** Three completions, two at a time, of a few seconds each. */
function submit(fields: Partial<Submission> = {}): Submission {
  return {
    at: 5_000,
    do: "submit",
    job: "j1",
    completions: 3,
    parallelism: 2,
    retries: 3,
    retriesPerIndex: null,
    maxFailedIndexes: null,
    lossRetries: 100,
    backoffMs: 4_000,
    timeoutMs: null,
    deadlineMs: null,
    ttlMs: null,
    failurePolicy: [],
    success: null,
    fairnessKey: "",
    isSuspended: false,
    isDeclared: true,
    hasShell: true,
    fails: 0,
    hangs: 0,
    lastMs: 6_000,
    ...fields,
  };
}

type Own = (jobs: JobSlots, deps: SchedulerDeps) => Partial<JobSlots>;

/** What is wrong with what the scheduler's decisions do to jobs. */
const slots = (own: Own): Tampering =>
  scheduler((deps) => (deps.jobs === undefined ? {} : { jobs: patched(deps.jobs, own(deps.jobs, deps)) }));

/** With what the planner is told of jobs. */
const planned = (change: (job: Job, retries: readonly Retry[]) => { job?: Job; retries?: readonly Retry[] }) =>
  slots((jobs) => ({
    inHand: (row) => {
      const hand = jobs.inHand(row);
      return {
        ...hand,
        open: (room, now) => {
          const open = hand.open(room, now);
          return { ...open, jobs: open.jobs.map((one) => ({ ...one, ...change(one.job, one.retries) })) };
        },
      };
    },
  }));
const specified = (spec: Partial<JobSpec>) => planned((job) => ({ job: { ...job, spec: { ...job.spec, ...spec } } }));

/** With what attempts start. */
const launched = (change: (spec: LaunchSpec) => LaunchSpec): Tampering =>
  scheduler(({ prepare = async (order) => order }) => ({
    prepare: async (order) => {
      const prepared = await prepare(order);
      return prepared.attempt === undefined ? prepared : { ...prepared, spec: change(prepared.spec) };
    },
  }));

/** After each end that is counted. */
const counted = (spoil: (deps: SchedulerDeps, job: Job) => void): Tampering =>
  slots((jobs, deps) => ({
    ended: (before, next, output, now) => {
      const ended = jobs.ended(before, next, output, now);
      const job = findJob(deps.db, before.attempt?.job ?? "");
      if (ended !== null && job !== undefined) spoil(deps, job);
      return ended;
    },
  }));

const CANCEL: Deed = { at: 9_000, do: "job", job: "j1", action: "cancel" };
const HANGS = { hangs: 1, lastMs: 1_000 } as const;

interface JobBug extends Bug {
  readonly job?: Partial<Submission>;
}

const BUGS: readonly JobBug[] = [
  {
    name: "parallelism is not looked at",
    breaks: "S1",
    scenario: { jobs: 5 },
    tampering: specified({ parallelism: 9 }),
  },
  {
    name: "more attempts begin than the application may run",
    breaks: "S1",
    job: { parallelism: 3, completions: 5 },
    tampering: slots((jobs) => ({ inHand: (row) => ({ ...jobs.inHand(row), most: 9 }) })),
  },
  {
    name: "an index is begun beside itself",
    breaks: "S3",
    tampering: slots((jobs) => ({ begin: (slot, begin, now) => jobs.begin(slot, { ...begin, index: 0 }, now) })),
  },
  {
    name: "what is done is begun again",
    breaks: "S3",
    tampering: planned((job) => ({ job: { ...job, doneIndexes: [], nextIndex: 0 } })),
  },
  {
    name: "two containers are told the same index",
    breaks: "S3",
    tampering: launched((spec) => ({ ...spec, env: { ...spec.env, GANTRY_JOB_INDEX: "0" } })),
  },
  {
    name: "the end of an attempt leaves it alive",
    breaks: "S4",
    tampering: slots((jobs) => ({
      ended: (before, next, output, now) => {
        const ended = jobs.ended(before, next, output, now);
        const { attempt } = ended?.next ?? {};
        if (ended === null || attempt === undefined) return ended;
        return { ...ended, next: { ...ended.next, attempt: { ...attempt, isOver: false } } };
      },
    })),
  },
  {
    name: "the record of an attempt is lost",
    breaks: "S4",
    tampering: counted(({ db }) => db.run("DELETE FROM job_attempts")),
  },
  {
    name: "an attempt that ended with 0 is counted as lost",
    breaks: "S4",
    tampering: slots((jobs) => ({
      ended: (before, next, output, now) => {
        const { last } = next;
        if (last?.kind !== "exited") return jobs.ended(before, next, output, now);
        const ended = jobs.ended(before, { ...next, last: { ...last, kind: "lost", reason: "Vanished" } }, output, now);
        return ended === null ? null : { ...ended, next: { ...ended.next, last } };
      },
    })),
  },
  {
    name: "how a command ended is read, and something else told",
    breaks: "S4",
    tampering: reported((report) => {
      if (report.state !== "ended" || report.output === undefined) return report;
      return { ...report, outcome: { kind: "lost", exitCode: null, reason: "Vanished" } };
    }),
  },
  {
    name: "the end of an attempt is told twice",
    breaks: "S4",
    tampering: slots((jobs) => ({
      ended: (before, next, output, now) => {
        const ended = jobs.ended(before, next, output, now);
        return ended === null ? null : { ...ended, events: [...ended.events, ...ended.events] };
      },
    })),
  },
  {
    name: "a slot is dropped with the attempt in it",
    breaks: "S4",
    tampering: store((rows) => ({
      // That it runs is worth no row.
      note: (next) => {
        rows.note(next);
        if (next.attempt?.isOver === false && next.phase === "running") rows.remove(next.id);
      },
    })),
  },
  {
    name: "counting begins anew",
    breaks: "S5",
    tampering: counted(({ db }, job) => {
      if (job.tally.succeeded < 2) return;
      putJob(db, { ...job, tally: { ...job.tally, succeeded: 0 } });
    }),
  },
  {
    name: "attempts are numbered anew",
    breaks: "S5",
    tampering: counted(({ db }, job) => putJob(db, { ...job, attempts: 0 })),
  },
  {
    name: "a job is decided anew",
    breaks: "S6",
    job: HANGS,
    deeds: [CANCEL],
    tampering: counted(({ db }, job) => {
      if (job.verdict !== null) putJob(db, { ...job, verdict: { ...job.verdict, message: "for another reason" } });
    }),
  },
  {
    name: "what is cancelled goes on",
    breaks: "S6",
    job: { completions: 6, lastMs: 20_000 },
    deeds: [CANCEL],
    tampering: planned((job) => ({ job: { ...job, verdict: null } })),
  },
  {
    name: "an attempt that is over comes back to life",
    breaks: "S6",
    tampering: store((rows) => ({
      put: (next) => {
        rows.put(next);
        if (next.attempt?.isOver === true) rows.put({ ...next, attempt: { ...next.attempt, isOver: false } });
      },
    })),
  },
  {
    name: "a job is over while something of it runs",
    breaks: "S6",
    tampering: counted(({ db }, job) => {
      const verdict = { outcome: "cancelled", reason: "Cancelled", message: "", at: 0 } as const;
      putJob(db, { ...job, verdict, finishedAt: 0 });
    }),
  },
  {
    name: "a job is gone when it is over",
    breaks: "S6",
    tampering: slots((jobs, { db }) => ({
      step: (step, now) => {
        const events = jobs.step(step, now);
        if (step.action.type === "finish") removeJob(db, step.job);
        return events;
      },
    })),
  },
  {
    name: "a job succeeds with less than it was to do",
    breaks: "S6",
    tampering: specified({ successPolicy: [{ indexes: null, count: 1 }] }),
  },
  {
    name: "who scales down takes the container of a job",
    breaks: "S7",
    tampering: store((rows) => ({
      note: (next) => {
        if (next.attempt === undefined || next.phase !== "running") rows.note(next);
        else rows.put({ ...next, phase: "stopping", ready: false, stopReason: "ScaledDown" });
      },
    })),
  },
  {
    name: "the container of a job is sent a signal that nobody asked for",
    breaks: "S7",
    job: { hangs: 1, deadlineMs: 60_000 },
    tampering: lifecycle(({ port }) => ({
      port: patched(port, {
        start: (options) => {
          port.start(options);
          if ("GANTRY_JOB" in options.env) setTimeout(() => port.signal(15), 2_000);
        },
      }),
    })),
  },
  {
    name: "an attempt is ended before its time",
    breaks: "S7",
    job: { hangs: 1, deadlineMs: 60_000 },
    tampering: launched((spec) => ({ ...spec, hardTimeoutMs: 1_000 })),
  },
  {
    name: "a job is not pinned to its version",
    breaks: "S7",
    tampering: slots((jobs) => ({
      begin: (slot, begin, now) => ({ ...jobs.begin(slot, begin, now), version: 2 }),
    })),
  },
  {
    name: "a code is read wrongly",
    breaks: "S9",
    job: { fails: 1 },
    tampering: lifecycle(({ port }) => ({
      port: patched(port, {
        run: async (command, onBegun) => {
          await port.run(command, onBegun);
          return { exitCode: 0, printed: new TextEncoder().encode("0 0 0\n") };
        },
      }),
    })),
  },
  {
    name: "an attempt that vanished has succeeded",
    breaks: "S9",
    faults: { vanishes: 1 },
    job: { lastMs: 120_000 },
    tampering: reported((report) =>
      report.state !== "ended" ? report : { ...report, outcome: { ...report.outcome, kind: "exited", exitCode: 0 } },
    ),
  },
  {
    name: "nobody waits before an index is tried again",
    breaks: "H1",
    job: { fails: 1 },
    tampering: planned((_, retries) => ({ retries: retries.map((retry) => ({ ...retry, notBefore: 0 })) })),
  },
  {
    name: "what has failed too often is tried again",
    breaks: "H1",
    job: { fails: 1, backoffMs: 500 },
    tampering: specified({ retries: 99 }),
  },
  {
    name: "nobody looks at the deadline",
    breaks: "L2",
    job: { hangs: 1, deadlineMs: 60_000 },
    tampering: specified({ deadlineMs: null }),
  },
  {
    name: "a job is overlooked",
    breaks: "L2",
    tampering: slots((jobs) => ({
      inHand: (row) => ({ ...jobs.inHand(row), open: () => ({ jobs: [], wakeAt: null, waiting: 0 }) }),
    })),
  },
  {
    name: "nothing is ever removed",
    breaks: "L2",
    job: { ttlMs: 10_000 },
    tampering: slots(() => ({ clean: () => null })),
  },
  {
    name: "slots of jobs are kept",
    breaks: "L1",
    tampering: store((rows) => ({
      remove: (id) => {
        if (rows.get(id)?.attempt === undefined) rows.remove(id);
      },
    })),
  },
  {
    name: "what is over is asked about",
    breaks: "L6",
    tampering: slots((jobs, { instances }) => ({
      clean: (now) => {
        instances.check("d4", 1).catch(() => undefined);
        return jobs.clean(now) ?? now + 2_000;
      },
    })),
  },
];

function jobScenarioOf(bug: JobBug) {
  const { job, scenario, deeds = [] } = bug;
  const all = [submit(job), ...deeds].toSorted((a, b) => a.at - b.at);
  return scenarioOf({ ...bug, scenario: { instances: 1, jobs: 2, ...scenario }, deeds: all });
}

describe("an invariant of jobs", () => {
  it("holds in a quiet world, and under each of the deeds and faults below", async ({ expect }) => {
    const broken: string[] = [];
    for (const bug of BUGS) {
      const { violation } = await simulate(jobScenarioOf(bug));
      if (violation !== null) broken.push(`${bug.name}: ${violation}`);
    }
    expect(broken).toEqual([]);
  });

  it.for(BUGS)("$breaks is broken when $name", async (bug, { expect }) => {
    const { violation } = await simulate(jobScenarioOf(bug), undefined, bug.tampering);
    expect(invariantOf(violation), violation ?? "nothing is broken").toBe(bug.breaks);
  });
});
