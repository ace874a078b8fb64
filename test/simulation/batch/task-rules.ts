/**
 * What must hold of tasks: one for each key, each counted once, over for good, no more at a time than allowed, in turns; and
 * of the queue: no message is acknowledged that nobody has kept.
 */
import type { Job } from "../../../src/jobs/job.ts";
import { isOpen, type Task, type TaskWork } from "../../../src/jobs/tasks/task.ts";
import type { Written } from "./ledger.ts";

export interface TaskRulesDeps {
  readonly now: () => number;
  /** The most there ever were to be at a time. */
  readonly mostJobs: () => number;
  readonly mostPosts: () => number;
  readonly mostOpen: number;
  readonly job: (id: string) => Job | undefined;
  /** It waits to be tried again, and takes nobody's place. */
  readonly isResting: (job: string) => boolean;
}

interface KnownTask {
  task: Task;
  readonly work: TaskWork;
}

interface Acknowledged {
  readonly id: string;
  readonly text: string | null;
  readonly key: string | null;
  readonly isBuried: boolean;
}

/** A clock that went back meanwhile. */
const BACK_MS = 31_000;

export class TaskRules {
  violation: string | null = null;
  readonly known = new Map<string, KnownTask>();
  /** Whatever has become of them: by the text that each message and each request has for itself. */
  readonly made = new Set<string>();
  /** By key, those that are kept. */
  readonly #keys = new Map<string, string>();
  /** Posts that a container was given, and those that it has answered well. */
  readonly #posted = new Set<string>();
  readonly tally = { tasks: 0, done: 0, dead: 0, tries: 0, posts: 0 };
  /** By users, while nothing was decided about them. */
  readonly #cancelled = new Set<string>();
  /** Somebody retries it just now. */
  retrying: string | null = null;
  readonly #deps: TaskRulesDeps;

  constructor(deps: TaskRulesDeps) {
    this.#deps = deps;
  }

  kept(written: readonly Written[]): void {
    for (const one of written) {
      if (one.table === "tasks" && one.work !== null) this.#insert(one.task, one.work);
      else if (one.table === "tasks") this.#update(one.task);
      else if (one.table === "gone" && one.from === "tasks") this.#remove(one.id);
    }
  }

  #insert(task: Task, work: TaskWork): void {
    const { id, key } = task;
    if (this.known.has(id)) this.#break("S14", `task ${id} was made again`);
    if (key !== null) {
      if (this.#keys.has(key)) this.#break("S14", `key ${key} is of two tasks`);
      this.#keys.set(key, id);
    }
    const text = work.payload?.text ?? "";
    for (const other of this.known.values()) {
      if (other.work.payload?.text === text) this.#break("S14", `${text} is of two tasks`);
    }
    this.tally.tasks += 1;
    this.made.add(text);
    this.known.set(id, { task, work });
    if (this.open().length > this.#deps.mostOpen) this.#break("B", `${this.open().length} tasks are open`);
  }

  #remove(id: string): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    this.known.delete(id);
    this.#cancelled.delete(id);
    const job = this.#deps.job(known.task.job ?? "");
    if (job?.verdict === null) this.#break("S16", `task ${id} is removed, and ${job.name} goes on`);
    // One of the same key is another, and begins with its first try.
    for (const post of this.#posted) if (post.startsWith(`${id} `)) this.#posted.delete(post);
    if (known.task.key !== null) this.#keys.delete(known.task.key);
  }

  #update(task: Task): void {
    const known = this.known.get(task.id);
    if (known === undefined) return this.#break("S4", `task ${task.id} is not there, and is ${task.state}`);
    const { task: before, work } = known;
    if (task.tries < before.tries) this.#break("S5", `fewer tries of ${task.id} than before`);
    if (!isOpen(before) && task.state !== before.state && !(before.state === "dead" && this.retrying === task.id)) {
      this.#break("S6", `task ${task.id} was ${before.state} and is ${task.state}`);
    }
    if (!isOpen(before) && !isOpen(task) && task.finishedAt !== before.finishedAt)
      this.#break("S4", `task ${task.id} is over again`);
    if (before.state === "queued" && task.state === "running") this.#begins(before, task, work);
    else if (task.tries !== before.tries && !isUnsent(before, task))
      this.#break("S4", `task ${task.id} was tried while it is ${task.state}`);
    known.task = task;
    if (isOpen(before) && !isOpen(task)) this.#ends(before, task, work);
  }

  #begins(before: Task, { id, mode, tries, job, fairnessKey }: Task, { run, http }: TaskWork): void {
    const { now, mostJobs, mostPosts } = this.#deps;
    this.tally.tries += 1;
    if (tries !== before.tries + 1) this.#break("S4", `try ${tries} of ${id} follows ${before.tries}`);
    if (before.notBefore > now() + BACK_MS)
      this.#break("H", `task ${id} begins ${before.notBefore - now()} ms too soon`);
    const others = [...this.known.values()].filter((one) => one.task.mode === mode && one.task.id !== id);
    const running = others.filter(({ task }) => task.state === "running");
    const most = mode === "run" ? mostJobs() : mostPosts();
    const count = running.filter(({ task }) => task.job === null || !this.#deps.isResting(task.job)).length + 1;
    if (count > most) this.#break("S1", `${count} tasks run as ${mode}, ${most} may`);
    if (mode === "http") {
      if (before.failures > (http?.retries ?? 0)) this.#break("H", `task ${id} failed ${before.failures} times`);
      return;
    }
    if (run === null || this.#deps.job(job ?? "")?.origin.kind !== "task")
      this.#break("S4", `task ${id} runs, and there is no job for it`);
    const runningOf = (key: string) => running.filter(({ task }) => task.fairnessKey === key).length;
    for (const { task } of others) {
      if (task.state !== "queued" || task.notBefore > now()) continue;
      if (runningOf(task.fairnessKey) < runningOf(fairnessKey))
        this.#break(
          "T",
          `a task of ${fairnessKey} begins before one of ${task.fairnessKey}, which has fewer under way`,
        );
    }
  }

  #ends(before: Task, task: Task, { http }: TaskWork): void {
    const { id, state, mode, tries, finishedAt, reason } = task;
    if (finishedAt === null || reason === null)
      this.#break("S6", `task ${id} is ${state}, and nobody says when or why`);
    if (this.#cancelled.delete(id) && state !== "cancelled")
      this.#break("C", `task ${id} was cancelled, and is ${state}`);
    if (state === "succeeded") this.tally.done += 1;
    if (state === "dead") this.tally.dead += 1;
    if (state === "succeeded" && mode === "http" && !this.#posted.has(`${id} ${tries} ok`))
      this.#break("S9", `task ${id} has succeeded, and try ${tries} was not answered well`);
    if (mode === "run" && before.state === "running") {
      const job = this.#deps.job(task.job ?? "");
      const expected = { succeeded: "succeeded", failed: "dead", cancelled: "cancelled" } as const;
      const outcome = job?.verdict?.outcome;
      const isSo = job?.finishedAt != null && outcome !== undefined && expected[outcome] === state;
      // It was removed meanwhile.
      if (job !== undefined && !isSo)
        this.#break("S9", `task ${id} is ${state}, and its job is ${outcome ?? "not over"}`);
    }
    if (state === "dead" && mode === "http" && reason === "RetriesExhausted" && task.failures <= (http?.retries ?? 0))
      this.#break("H", `task ${id} is given up after ${task.failures} failures`);
  }

  /** A user cancels it. */
  cancel(id: string): void {
    const task = this.known.get(id)?.task;
    if (task === undefined || !isOpen(task)) return;
    const verdict = this.#deps.job(task.job ?? "")?.verdict ?? null;
    if (verdict === null) this.#cancelled.add(id);
  }

  /** A container is given a try of it. */
  posted(id: string, number: number): void {
    const post = `${id} ${number}`;
    if (this.#posted.has(post)) this.#break("S3", `try ${number} of task ${id} is sent to a container again`);
    this.#posted.add(post);
    this.tally.posts += 1;
    const known = this.known.get(id);
    if (known !== undefined && known.task.tries < number)
      this.#break("S4", `try ${number} of task ${id} is sent before it is written`);
  }

  answered(id: string, number: number): void {
    this.#posted.add(`${id} ${number} ok`);
  }

  /** L4: whatever is acknowledged is a task, or a dead letter. */
  acknowledged({ text, key, isBuried, id }: Acknowledged): void {
    const isKept = (text !== null && this.made.has(text)) || (key !== null && this.#wasKey(key));
    if (!isKept && !isBuried)
      this.#break("L4", `message ${id} is acknowledged, and is neither a task nor a dead letter`);
  }

  /** Another message of that key has made it; it may be over and gone by now. */
  #wasKey(key: string): boolean {
    return [...this.made].some((text) => text.includes(`"key":"${key}"`));
  }

  open(): Task[] {
    return [...this.known.values()].flatMap(({ task }) => (isOpen(task) ? [task] : []));
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}

/** No member was ready to take it: a try that nobody was sent. */
function isUnsent(before: Task, { mode, tries, reason, failures }: Task): boolean {
  const isSo =
    mode === "http" && before.state === "queued" && (reason === "NoReadyInstance" || reason === "RetriesExhausted");
  return isSo && tries === before.tries + 1 && failures === before.failures + 1;
}
