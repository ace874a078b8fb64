/**
 * Begins the tasks of an application as there is room, and settles what comes of them. A try is written before it is sent,
 * and what an older try says changes nothing. A lifetime of the object that ended in the middle leaves tries whose outcome
 * nobody knows: the next one tries them again, so that a task is done at least once.
 */
import type { Database } from "../../database.ts";
import { describeError } from "../../errors.ts";
import { appendEvents } from "../../orchestrator/events.ts";
import type { ApplicationRow } from "../../orchestrator/storage/application-row.ts";
import type { Timers } from "../../timers.ts";
import type { JobControl, JobRequest } from "../job-control.ts";
import type { Job } from "../job.ts";
import { findJob, removeJob, restingTasks } from "../job-store.ts";
import { deliver, taskRequest, type Pool } from "./deliver.ts";
import { expiredTasks, findTask, findWork, firstTaskRemoval, openTasks, putTask, removeTask } from "./task-store.ts";
import { beginTry, settleJob, settleTry, type Task, type TaskWork, type TryEnd } from "./task.ts";

/** Key of the timer by which tasks become due, are found again after a crash, and go. */
export const TASKS_TIMER = "tasks";
/** `http` tasks under way at a time, where the application says nothing. */
export const DEFAULT_PARALLEL_TASKS = 20;
/** A crash is found out about within this. */
const GUARD_MS = 30_000;
/** Tries that one event may begin: each is a request, of which the platform allows an event so many. */
const TRIES_PER_EVENT = 500;
/** Jobs that one turn makes. */
const JOBS_PER_TURN = 100;
const REMOVED_PER_TURN = 100;
/** Of a task that could not be looked after: somebody has to mend it. */
const STUCK_MS = 5_000;

export interface TaskRunnerDeps {
  readonly db: Database;
  readonly timers: Timers;
  readonly clock: () => number;
  /** Undefined: there is no application, or not any more. */
  readonly row: () => ApplicationRow | undefined;
  readonly jobs: JobControl;
  readonly pass: () => void;
  /** The load that waits may have changed. */
  readonly look: () => void;
  readonly background: (work: Promise<void>) => void;
}

export class TaskRunner {
  readonly #deps: TaskRunnerDeps;
  #pool: Pool | null = null;
  /** Tries of `http` tasks that this lifetime of the object has under way, or that wait for a member. */
  readonly #flights = new Map<string, AbortController>();
  #left = TRIES_PER_EVENT;
  #isPoked = false;
  #hasAdopted = false;
  #hadBacklog = false;

  constructor(deps: TaskRunnerDeps) {
    this.#deps = deps;
  }

  /** From here on it may ask the pool, and goes on with what an earlier lifetime has left. */
  attach(pool: Pool): void {
    this.#pool = pool;
    this.poke();
  }

  /** After the turn, when its writes are kept or rolled back as a whole. */
  poke(): void {
    if (this.#isPoked || this.#pool === null) return;
    this.#isPoked = true;
    queueMicrotask(() => {
      this.#isPoked = false;
      this.#turn();
    });
  }

  onTimer(): void {
    this.#left = TRIES_PER_EVENT;
    this.#turn();
  }

  abort(id: string): void {
    this.#flights.get(id)?.abort();
  }

  /** `http` tasks that would be tried if more could be: what a pool scaled by its queue is to see. */
  get backlog(): number {
    const { db, clock, row } = this.#deps;
    if (row()?.spec.autoscaling?.target.kind !== "queue") return 0;
    const open = openTasks(db);
    return Math.max(0, open.ready("http", clock()) - (this.#flights.size - open.running("http").size));
  }

  /** In the transaction in which the job ends. */
  jobFinished(job: Job): void {
    const { db, clock } = this.#deps;
    if (job.origin.kind !== "task") return;
    const task = findTask(db, job.origin.task);
    if (task === undefined || task.state !== "running" || task.job !== job.id) return;
    this.#put(settleJob(task, job, clock()));
    const row = this.#deps.row();
    // The slot that is free now is for the next of them.
    if (this.#pool !== null && row?.deleting === false) this.#makeJobs(row);
  }

  #turn(): void {
    const { db, row: rowOf, clock, look } = this.#deps;
    const row = rowOf();
    if (row === undefined) return;
    if (row.deleting) {
      for (const controller of this.#flights.values()) controller.abort();
      return;
    }
    this.#adopt();
    this.#clean();
    this.#beginJobs(row);
    this.#beginTries(row);
    const hasBacklog = this.backlog > 0;
    if (hasBacklog || this.#hadBacklog) look();
    this.#hadBacklog = hasBacklog;
    this.#arm(openTasks(db).nextDueAt(clock()));
  }

  /** What an earlier lifetime had under way. */
  #adopt(): void {
    if (this.#hasAdopted) return;
    this.#hasAdopted = true;
    const { db } = this.#deps;
    const left = [...openTasks(db).running("http")];
    if (left.length === 0) return;
    db.transaction(() => {
      for (const id of left) this.#settle(id, null, { kind: "lost", message: "the scheduler was restarted meanwhile" });
    });
  }

  #beginJobs(row: ApplicationRow): void {
    // It ends with this object's next turn.
    if (this.#makeJobs(row) > 0) this.#deps.pass();
  }

  /** How many. A pass is to follow. */
  #makeJobs(row: ApplicationRow): number {
    const { db, clock, jobs } = this.#deps;
    const open = openTasks(db);
    const now = clock();
    // Those that wait to be tried again take nobody's place.
    const underWay = open.running("run").size - restingTasks(db, now);
    const most = Math.min(JOBS_PER_TURN, (row.spec.jobInstances ?? 0) - underWay);
    let made = 0;
    if (most <= 0 || open.ready("run", now) === 0) return 0;
    db.transaction(() => {
      while (made < most) {
        const task = open.next("run", now, this.#flights);
        const work = task === undefined ? undefined : findWork(db, task.id);
        if (task === undefined || work === undefined) break;
        const job = crypto.randomUUID();
        jobs.insert(jobRequestOf(task, work, job), row.activeVersion, now);
        putTask(db, beginTry(task, job, now));
        made += 1;
      }
    });
    return made;
  }

  #beginTries({ spec: { instances, autoscaling, maxParallelTasks } }: ApplicationRow): void {
    const { db, clock, background } = this.#deps;
    const pool = this.#pool;
    // Nobody is to run: they wait for somebody who changes that.
    if (pool === null || (autoscaling?.max ?? instances) === 0) return;
    const open = openTasks(db);
    while (this.#flights.size < (maxParallelTasks ?? DEFAULT_PARALLEL_TASKS) && this.#left > 0) {
      const task = open.next("http", clock(), this.#flights);
      if (task === undefined) return;
      this.#left -= 1;
      const controller = new AbortController();
      this.#flights.set(task.id, controller);
      background(this.#fly(pool, task.id, controller));
    }
  }

  async #fly(pool: Pool, id: string, controller: AbortController): Promise<void> {
    let number: number | null = null;
    let end: TryEnd | null = null;
    try {
      const { http } = findWork(this.#deps.db, id) ?? {};
      const begin = () => {
        const begun = this.#begin(id);
        number = begun?.tries ?? null;
        return begun?.request ?? null;
      };
      if (http == null) throw new Error("what is to be done is not stored");
      end = await deliver(pool, http, begin, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) {
        console.warn({ message: "task.try.failed", task: id, error: describeError(error) });
        end = { kind: "lost", message: describeError(error) };
      }
    }
    this.#flights.delete(id);
    if (this.#deps.row() === undefined) return;
    if (number !== null && end !== null) this.#settle(id, number, end);
    else if (end?.kind === "failed") this.#settleUnsent(id, end);
    else if (end !== null) this.#arm(this.#deps.clock() + STUCK_MS);
    if (number !== null || end?.kind !== "lost") this.poke();
  }

  /** Written before it is sent. */
  #begin(id: string): { readonly tries: number; readonly request: () => Request } | null {
    const { db, clock, row } = this.#deps;
    const application = row();
    const task = findTask(db, id);
    const work = findWork(db, id);
    if (application === undefined || work === undefined || task?.state !== "queued") return null;
    const begun = beginTry(task, null, clock());
    putTask(db, begun);
    return { tries: begun.tries, request: () => taskRequest(application.name, begun, work) };
  }

  /** `number`: of the try; null: of whichever is the last. */
  #settle(id: string, number: number | null, end: TryEnd): void {
    const { db, clock } = this.#deps;
    const task = findTask(db, id);
    const work = findWork(db, id);
    if (task?.state !== "running" || work?.http == null || (number !== null && number !== task.tries)) return;
    this.#put(settleTry(task, work.http, end, clock()));
  }

  /** Nobody was there to send it to. */
  #settleUnsent(id: string, end: TryEnd): void {
    const { db, clock } = this.#deps;
    const task = findTask(db, id);
    const work = findWork(db, id);
    if (task?.state !== "queued" || work?.http == null) return;
    this.#put(settleTry(beginTry(task, null, clock()), work.http, end, clock()));
  }

  #put(task: Task): void {
    const { db, clock } = this.#deps;
    db.transaction(() => {
      putTask(db, task);
      if (task.state !== "dead") return;
      const message = `task ${task.id} is dead: ${task.reason ?? ""}, ${task.message ?? ""}`;
      const details = { task: task.id, mode: task.mode, reason: task.reason, tries: task.tries, job: task.job };
      appendEvents(db, [{ type: "UserError", name: "TaskDead", message, details }], clock());
    });
  }

  /** What is not kept any longer goes some at a time, each with its job. */
  #clean(): void {
    const { db, clock } = this.#deps;
    const first = firstTaskRemoval(db);
    if (first === null || first > clock()) return;
    db.transaction(() => {
      for (const { id, job } of expiredTasks(db, clock(), REMOVED_PER_TURN)) {
        if (job !== null && findJob(db, job)?.finishedAt != null) removeJob(db, job);
        removeTask(db, id);
      }
    });
  }

  /** Only to an earlier time: a timer that comes too early looks once in vain, a moved one is two rows. */
  #arm(dueAt: number | null): void {
    const { db, timers, clock } = this.#deps;
    const now = clock();
    const removeAt = firstTaskRemoval(db);
    const times = [
      ...(dueAt === null ? [] : [dueAt]),
      ...(removeAt === null ? [] : [removeAt]),
      ...(this.#flights.size > 0 ? [now + GUARD_MS] : []),
      // The event's share is used up, and there is more.
      ...(this.#left === 0 && openTasks(db).ready("http", now) > 0 ? [now] : []),
    ];
    const current = timers.dueAt(TASKS_TIMER);
    if (times.length === 0) {
      timers.clear(TASKS_TIMER);
      return;
    }
    const next = Math.max(now, Math.min(...times));
    if (current === null || current > next || current <= now) timers.set(TASKS_TIMER, next);
  }
}

/** One completion: the task is over when its job is. Its job goes with it, and not before. */
function jobRequestOf({ id, fairnessKey }: Task, { payload, run }: TaskWork, job: string): JobRequest {
  return {
    id: job,
    name: `task-${id.slice(0, 8)}`,
    suspended: false,
    origin: { kind: "task", task: id },
    fairnessKey,
    override: null,
    isBare: run?.isBare ?? false,
    spec: {
      completions: 1,
      parallelism: 1,
      retries: run?.retries ?? 0,
      retriesPerIndex: null,
      maxFailedIndexes: null,
      lossRetries: run?.lossRetries ?? 0,
      backoffMs: run?.backoffMs ?? 0,
      maxBackoffMs: run?.maxBackoffMs ?? 0,
      timeoutMs: run?.timeoutMs ?? null,
      deadlineMs: run?.deadlineMs ?? null,
      failurePolicy: run?.failurePolicy ?? [],
      successPolicy: [],
      ttlMs: null,
    },
    launch: {
      entrypoint: run?.entrypoint ?? null,
      command: run?.command ?? null,
      image: null,
      instanceType: null,
      size: null,
      env: run?.env ?? [],
      secrets: [],
      sealed: null,
      payload: payload?.text ?? null,
    },
  };
}
