/** What users, queue messages and containers do with the tasks of an application. Synchronous; what follows is the runner's. */
import type { Database } from "../../database.ts";
import { GantryError } from "../../errors.ts";
import { appendEvents } from "../../orchestrator/events.ts";
import type { ApplicationRow } from "../../orchestrator/storage/application-row.ts";
import type { JobControl } from "../job-control.ts";
import { findJob, removeJob } from "../job-store.ts";
import type { TaskRunner } from "./task-runner.ts";
import {
  findTask,
  findWork,
  insertTask,
  listTasks,
  nextSeq,
  openTasks,
  putTask,
  removeTask,
  type ListedTask,
  type TaskFilter,
} from "./task-store.ts";
import { cancelTask, isOpen, newTask, reviveTask, type Task, type TaskDraft } from "./task.ts";

/** Queued and running: beyond this nothing is taken until something is done. */
export const MAX_OPEN_TASKS = 10_000;
/** When it is worth asking again. */
const FULL_RETRY_S = 10;

export interface TaskControlDeps {
  readonly db: Database;
  readonly clock: () => number;
  /** Throws when there is no application, or it is being deleted. */
  readonly row: () => ApplicationRow;
  readonly jobs: JobControl;
  /** Hears that something may have to begin, or to end. */
  readonly runner: Pick<TaskRunner, "poke" | "abort">;
  /** Absent: `MAX_OPEN_TASKS`. */
  readonly mostOpen?: number;
}

/** What came of one task that was sent in. */
export type Accepted =
  | { readonly outcome: "created" | "known"; readonly view: ListedTask }
  /** The same key with another body. */
  | { readonly outcome: "conflict"; readonly message: string }
  | { readonly outcome: "refused"; readonly message: string }
  | { readonly outcome: "full"; readonly message: string };

export interface TaskPage {
  readonly tasks: readonly ListedTask[];
  /** Where the next page begins; null: there is none. */
  readonly next: number | null;
}

export class TaskControl {
  readonly #deps: TaskControlDeps;

  constructor(deps: TaskControlDeps) {
    this.#deps = deps;
  }

  get #mostOpen(): number {
    return this.#deps.mostOpen ?? MAX_OPEN_TASKS;
  }

  /** Each by itself, all in one transaction: what is created here is durable before anybody hears of it. */
  accept(drafts: readonly TaskDraft[]): Accepted[] {
    const { db, runner } = this.#deps;
    const row = this.#deps.row();
    const accepted = db.transaction(() => drafts.map((draft) => this.#accept(row, draft)));
    if (accepted.some(({ outcome }) => outcome === "created")) runner.poke();
    return accepted;
  }

  /** All of them, or none: throws why. */
  create(drafts: readonly TaskDraft[]): { readonly tasks: readonly ListedTask[]; readonly isNew: boolean } {
    const { db, runner } = this.#deps;
    const row = this.#deps.row();
    const created = db.transaction(() =>
      drafts.map((draft, index) => admitted(this.#accept(row, draft), draft, index)),
    );
    const isNew = created.some(({ outcome }) => outcome === "created");
    if (isNew) runner.poke();
    return { tasks: created.map(({ view }) => view), isNew };
  }

  #accept(row: ApplicationRow, draft: TaskDraft): Accepted {
    const { db, clock } = this.#deps;
    const known = findTask(db, draft.id);
    if (known !== undefined) {
      const view = this.#viewOf(known);
      if (view.work.fingerprint === draft.work.fingerprint) return { outcome: "known", view };
      const message = `idempotency_key ${draft.key ?? ""} is of task ${known.id}, which was made from another body`;
      return { outcome: "conflict", message };
    }
    if (draft.mode === "run" && (row.spec.jobInstances ?? 0) === 0) {
      const message = `application ${row.name} runs no jobs: set jobs: true, or job_instances to how many may run at a time`;
      return { outcome: "refused", message };
    }
    if (openTasks(db).size >= this.#mostOpen) {
      const message = `application ${row.name} has ${this.#mostOpen} open tasks: it takes more when some of them are done`;
      return { outcome: "full", message };
    }
    const task = newTask(draft, nextSeq(db), clock());
    insertTask(db, task, draft.work);
    return { outcome: "created", view: { task, work: draft.work } };
  }

  list(filter: TaskFilter, before: number | null, limit: number): TaskPage {
    const found = listTasks(this.#deps.db, filter, before, limit + 1);
    const tasks = found.slice(0, limit);
    return { tasks, next: found.length > limit ? (tasks.at(-1)?.task.seq ?? null) : null };
  }

  has(ids: readonly string[]): boolean {
    return ids.some((id) => findTask(this.#deps.db, id) !== undefined);
  }

  /** The first of these ids that there is. Throws `TASK_NOT_FOUND`. */
  view(ids: readonly string[]): ListedTask {
    return this.#viewOf(this.#must(ids));
  }

  /** One that runs in a job is over when nothing of that is alive any more. */
  cancel(ids: readonly string[], actor: string): ListedTask {
    const { db, clock, jobs, runner } = this.#deps;
    const task = this.#must(ids);
    if (task.state === "cancelled") return this.#viewOf(task);
    if (!isOpen(task)) {
      const message = `task ${task.id} is ${task.state} (${task.reason ?? ""}): nothing is left to cancel`;
      throw new GantryError("TASK_FINISHED", message, { state: task.state });
    }
    const job = task.job === null ? undefined : findJob(db, task.job);
    if (task.state === "running" && job !== undefined && job.finishedAt === null) {
      if (job.verdict === null) jobs.cancel(job.id, actor);
    } else {
      putTask(db, cancelTask(task, actor, clock()));
      runner.abort(task.id);
      runner.poke();
    }
    return this.view(ids);
  }

  /** A dead one begins anew: with all its retries, and a job of its own if it runs in one. */
  retry(ids: readonly string[]): ListedTask {
    const { db, clock, runner } = this.#deps;
    const task = this.#must(ids);
    if (task.state !== "dead") {
      // As wished, where an earlier try of this request has done it.
      if (isOpen(task)) return this.#viewOf(task);
      const message = `task ${task.id} is ${task.state}: only a dead one is retried`;
      throw new GantryError("TASK_FINISHED", message, { state: task.state });
    }
    if (openTasks(db).size >= this.#mostOpen) throw full(`there are ${this.#mostOpen} open tasks: try again later`);
    db.transaction(() => {
      if (task.job !== null) removeJob(db, task.job);
      putTask(db, reviveTask(task, clock()));
    });
    runner.poke();
    return this.view(ids);
  }

  /** With its job, and all that is kept of either; what is under way of it ends. */
  remove(ids: readonly string[], actor: string): { readonly id: string } {
    const { db, clock, jobs, runner } = this.#deps;
    const task = this.#must(ids);
    const job = task.job === null ? undefined : findJob(db, task.job);
    if (job !== undefined) jobs.remove(job.id, actor);
    db.transaction(() => {
      removeTask(db, task.id);
      const message = `task ${task.id} (${task.state}) deleted by ${actor}`;
      appendEvents(db, [{ type: "Info", name: "TaskDeleted", message, details: { task: task.id } }], clock());
    });
    runner.abort(task.id);
    runner.poke();
    return { id: task.id };
  }

  #must(ids: readonly string[]): Task {
    for (const id of ids) {
      const task = findTask(this.#deps.db, id);
      if (task !== undefined) return task;
    }
    const [id = ""] = ids;
    throw new GantryError("TASK_NOT_FOUND", `there is no such task: GET …/tasks lists them`, {
      task: id.slice(0, 100),
    });
  }

  #viewOf(task: Task): ListedTask {
    const work = findWork(this.#deps.db, task.id);
    if (work === undefined) throw new GantryError("TASK_NOT_FOUND", `task ${task.id} is gone`, { task: task.id });
    return { task, work };
  }
}

type Admitted = Extract<Accepted, { view: unknown }>;

function admitted(accepted: Accepted, { key }: TaskDraft, index: number): Admitted {
  switch (accepted.outcome) {
    case "created":
    case "known": {
      return accepted;
    }
    case "conflict": {
      throw new GantryError("IDEMPOTENCY_KEY_REUSED", accepted.message, { idempotency_key: key, index });
    }
    case "refused": {
      throw new GantryError("JOB_CREATE_NOT_ALLOWED", accepted.message, { job_instances: 0, index });
    }
    case "full": {
      throw full(accepted.message);
    }
  }
}

function full(message: string): GantryError {
  return new GantryError("TASKS_FULL", message, { limit: MAX_OPEN_TASKS, retry_after: FULL_RETRY_S });
}
