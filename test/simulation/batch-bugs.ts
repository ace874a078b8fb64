/** One thing each that is wrong in what runs schedules and tasks, and the rule that says so. */
import type { Database, SqlValue } from "../../src/database.ts";
import type { JobRequest } from "../../src/jobs/job-control.ts";
import { OpenJobs } from "../../src/jobs/open-jobs.ts";
import type { ScheduleState } from "../../src/jobs/schedules/schedule.ts";
import { TaskLines } from "../../src/jobs/tasks/task-lines.ts";
import type { Task } from "../../src/jobs/tasks/task.ts";
import type { ApplicationRow } from "../../src/orchestrator/storage/application-row.ts";
import type { BatchTampering } from "./batch/application.ts";
import type { BatchFaults } from "./batch/faults.ts";
import type { ScheduleChoice } from "./batch/scenario.ts";
import { sqlText } from "./batch/sql-text.ts";
import { patched } from "./bugs.ts";

export interface BatchBug {
  readonly name: string;
  /** What is found first. */
  readonly breaks: string;
  /** Beside those of the seed. */
  readonly faults?: Partial<BatchFaults>;
  /** Of all its schedules, in place of what the seed says. */
  readonly concurrency?: ScheduleChoice["concurrency"];
  readonly tampering: BatchTampering;
}

const MINUTE_MS = 60_000;
const MANY = 99;

type Statement = readonly [sql: string, values: SqlValue[]];

/** `change`: what is run in place of a statement; null: nothing. */
function written(db: Database, change: (sql: string, values: SqlValue[]) => readonly Statement[] | null): Database {
  return patched(db, {
    run: (sql, ...values) => {
      for (const [instead, own] of change(sql, values) ?? []) db.run(instead, ...own);
    },
  });
}

const without = (db: Database, start: string, part = "") =>
  written(db, (sql, values) =>
    sql.startsWith(start) && JSON.stringify(values).includes(part) ? null : [[sql, values]],
  );

/** Whoever asks it knows of no job that is not over. */
const blind = (db: Database): Database => {
  const none = new OpenJobs();
  const get = (key: object) => {
    const value = db.memory.get(key);
    return value instanceof OpenJobs ? none : value;
  };
  return patched(db, { memory: patched(db.memory, { get }) });
};

const generous = (row: ApplicationRow | undefined) =>
  row === undefined ? undefined : { ...row, spec: { ...row.spec, jobInstances: MANY, maxParallelTasks: MANY } };

const changedTask = (db: Database, change: (task: Task) => Task | null) =>
  written(db, (sql, values) => {
    if (!sql.startsWith("UPDATE tasks ")) return [[sql, values]];
    const next = change(JSON.parse(sqlText(values[2])) as Task);
    return next === null ? null : [[sql, [next.state, values[1] ?? null, JSON.stringify(next), next.id]]];
  });

export const BATCH_BUGS: readonly BatchBug[] = [
  {
    name: "a schedule does not remember how far it has come",
    breaks: "S10",
    tampering: {
      schedules: (deps) => ({ ...deps, db: without(deps.db, "INSERT INTO schedule_states", '"lastSlot\\":1') }),
    },
  },
  {
    name: "a run has another id each time",
    breaks: "S10",
    faults: { crash: 0.3 },
    tampering: {
      schedules: (deps) => ({
        ...deps,
        jobs: patched(deps.jobs, {
          insert: (request: JobRequest, version, now) => {
            deps.jobs.insert(request, version, now);
            return deps.jobs.insert({ ...request, id: crypto.randomUUID() }, version, now);
          },
        }),
      }),
    },
  },
  {
    name: "a schedule runs before its time",
    breaks: "S10",
    tampering: { schedules: (deps) => ({ ...deps, clock: () => deps.clock() + 5 * MINUTE_MS }) },
  },
  {
    name: "a schedule begins with slots of the past",
    breaks: "S10",
    faults: { crash: 0.3 },
    tampering: {
      schedules: (deps) => ({
        ...deps,
        db: written(deps.db, (sql, values) => {
          if (!sql.startsWith("INSERT INTO schedule_states")) return [[sql, values]];
          const state = JSON.parse(sqlText(values[1])) as ScheduleState;
          const past = { ...state, cursor: state.cursor - 10 * MINUTE_MS };
          return [[sql, [values[0] ?? null, JSON.stringify(state.lastSlot === null ? past : state)]]];
        }),
      }),
    },
  },
  {
    name: "a slot that does not run is not told of",
    breaks: "S4",
    tampering: { schedules: (deps) => ({ ...deps, db: without(deps.db, "INSERT INTO events", '"ScheduleSkipped') }) },
  },
  {
    name: "a forbidden run begins beside another",
    breaks: "F",
    concurrency: "forbid",
    tampering: { schedules: (deps) => ({ ...deps, db: blind(deps.db) }) },
  },
  {
    name: "a run that is replaced goes on",
    breaks: "R",
    tampering: {
      schedules: (deps) => ({ ...deps, db: without(deps.db, "INSERT INTO jobs", "whose next run replaces") }),
    },
  },
  {
    name: "finished runs are kept for ever",
    breaks: "B",
    tampering: {
      slots: ({ onFinished, ...deps }) => ({
        ...deps,
        onFinished: (job) => {
          if (job.origin.kind !== "schedule") onFinished?.(job);
        },
      }),
    },
  },
  {
    name: "nobody looks for alarms that were lost",
    breaks: "L4",
    faults: { alarmLost: 1, crash: 0 },
    tampering: { sweeps: false },
  },
  {
    name: "the timer of a schedule stays when nothing of it is to come",
    breaks: "L6",
    tampering: { schedules: (deps) => ({ ...deps, timers: patched(deps.timers, { clear: () => undefined }) }) },
  },
  {
    name: "more attempts of jobs are alive than may be",
    breaks: "S1",
    tampering: {
      scheduler: (deps) => {
        const { jobs } = deps;
        if (jobs === undefined) return deps;
        return { ...deps, jobs: patched(jobs, { inHand: (row) => ({ ...jobs.inHand(row), most: MANY }) }) };
      },
    },
  },
  {
    name: "more tasks run than may",
    breaks: "S1",
    tampering: { runner: (deps) => ({ ...deps, row: () => generous(deps.row()) }) },
  },
  {
    name: "an attempt that is over is not recorded",
    breaks: "S4",
    tampering: { slots: (deps) => ({ ...deps, db: without(deps.db, "INSERT INTO job_attempts") }) },
  },
  {
    name: "a job never ends",
    breaks: "L2",
    tampering: {
      scheduler: (deps) => {
        const { jobs } = deps;
        if (jobs === undefined) return deps;
        const step: typeof jobs.step = (one, now) => (one.action.type === "finish" ? [] : jobs.step(one, now));
        return { ...deps, jobs: patched(jobs, { step }) };
      },
    },
  },
  {
    name: "a task does not hear that its job is over",
    breaks: "L4",
    tampering: {
      slots: ({ onFinished, ...deps }) => ({
        ...deps,
        onFinished: (job) => {
          if (job.origin.kind !== "task") onFinished?.(job);
        },
      }),
    },
  },
  {
    name: "the same message is another task each time",
    breaks: "S14",
    faults: { deliveredTwice: 0.5 },
    tampering: { draft: (draft) => ({ ...draft, id: crypto.randomUUID() }) },
  },
  {
    name: "a message is acknowledged before its task is stored",
    breaks: "L4",
    faults: { messageLost: 0.3 },
    tampering: {
      consumer: (batch) => {
        for (const message of batch.messages) message.ack();
        return batch;
      },
    },
  },
  {
    name: "a dead letter does not say why",
    breaks: "L4",
    tampering: { letter: (letter) => ({ ...letter, reason: {} }) },
  },
  {
    name: "a try is sent to a container twice",
    breaks: "S3",
    tampering: {
      pool: ({ routing, send }) => ({
        routing,
        send: async (member, request) => {
          await send(member, request.clone());
          return await send(member, request);
        },
      }),
    },
  },
  {
    name: "a task that nobody has answered has succeeded",
    breaks: "S9",
    faults: { answersBadly: 0.5 },
    tampering: {
      pool: ({ routing, send }) => ({ routing, send: (...args) => send(...args).then(() => new Response(null)) }),
    },
  },
  {
    name: "a task that is over is queued again",
    breaks: "S6",
    tampering: {
      runner: (deps) => ({
        ...deps,
        db: written(deps.db, (sql, values) => {
          if (!sql.startsWith("UPDATE tasks ") || values[0] !== "succeeded") return [[sql, values]];
          const task = JSON.parse(sqlText(values[2])) as Task;
          const again = { ...task, state: "queued", finishedAt: null };
          return [
            [sql, values],
            [sql, ["queued", null, JSON.stringify(again), task.id]],
          ];
        }),
      }),
    },
  },
  {
    name: "the job of a cancelled task is not cancelled",
    breaks: "C",
    tampering: { tasks: (deps) => ({ ...deps, jobs: patched(deps.jobs, { cancel: (key) => deps.jobs.view(key) }) }) },
  },
  {
    name: "the job of a removed task goes on",
    breaks: "S16",
    tampering: {
      tasks: (deps) => ({ ...deps, jobs: patched(deps.jobs, { remove: (id) => ({ id, isGone: false }) }) }),
    },
  },
  {
    name: "a try is not counted",
    breaks: "S4",
    tampering: {
      runner: (deps) => ({
        ...deps,
        db: changedTask(deps.db, (task) => (task.state === "running" ? { ...task, tries: task.tries - 1 } : task)),
      }),
    },
  },
  {
    name: "a task is sent before that is written",
    breaks: "S4",
    tampering: {
      runner: (deps) => ({
        ...deps,
        db: changedTask(deps.db, (task) => (task.mode === "http" && task.state === "running" ? null : task)),
      }),
    },
  },
];

/** Whose turn it is does not matter: the newest goes first. */
export function withoutTurns<T>(run: () => Promise<T>): Promise<T> {
  // Called with the lines that it is of.
  const next = Reflect.get<TaskLines, "next">(TaskLines.prototype, "next");
  TaskLines.prototype.next = function newest(this: TaskLines, mode, now, busy) {
    let last: Task | undefined;
    const seen = new Map(busy);
    for (let task = next.call(this, mode, now, seen); task !== undefined; task = next.call(this, mode, now, seen)) {
      if (last === undefined || task.seq > last.seq) last = task;
      seen.set(task.id, true);
    }
    return last;
  };
  return run().finally(() => {
    TaskLines.prototype.next = next;
  });
}
