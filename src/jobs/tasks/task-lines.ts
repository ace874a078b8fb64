/**
 * The open tasks of an application in memory, and whose turn it is: of all fairness keys that have a task which is due, the
 * one with the fewest under way; of several, the one whose last turn was longest ago. Within a key the oldest task goes
 * first. So a key with ten tasks waits for nobody's ten thousand. Tasks of each mode stand in lines of their own.
 */
import { isOpen, type Task, type TaskMode } from "./task.ts";

interface Line {
  readonly mode: TaskMode;
  /** Due, in their order. */
  readonly ready: Task[];
  running: number;
  /** When it had its last turn, in turns. */
  servedAt: number;
}

export class TaskLines {
  readonly #open = new Map<string, Task>();
  readonly #lines = new Map<string, Line>();
  /** Not due when they were put here, the soonest first. */
  readonly #later: Task[] = [];
  readonly #running: Record<TaskMode, Set<string>> = { run: new Set(), http: new Set() };
  readonly #ready: Record<TaskMode, number> = { run: 0, http: 0 };
  #turns = 0;

  get size(): number {
    return this.#open.size;
  }

  get(id: string): Task | undefined {
    return this.#open.get(id);
  }

  /** Of those that fit, the newest first, from the one before that place on. */
  newest(isWanted: (task: Task) => boolean, before: number | null, limit: number): Task[] {
    const found = [...this.#open.values()].filter((task) => (before === null || task.seq < before) && isWanted(task));
    return found.toSorted((a, b) => b.seq - a.seq).slice(0, limit);
  }

  running(mode: TaskMode): ReadonlySet<string> {
    return this.#running[mode];
  }

  /** A new one, or one that has changed. */
  put(task: Task): void {
    this.drop(task.id);
    if (!isOpen(task)) return;
    this.#open.set(task.id, task);
    if (task.state === "running") {
      const line = this.#lineOf(task);
      line.running += 1;
      line.servedAt = this.#turns += 1;
      this.#running[task.mode].add(task.id);
    } else {
      insert(this.#later, task, (a, b) => a.notBefore - b.notBefore || a.seq - b.seq);
    }
  }

  drop(id: string): void {
    const task = this.#open.get(id);
    if (task === undefined) return;
    this.#open.delete(id);
    const line = this.#lineOf(task);
    if (task.state === "running") {
      line.running -= 1;
      this.#running[task.mode].delete(id);
    } else if (removeFrom(line.ready, id)) this.#ready[task.mode] -= 1;
    else removeFrom(this.#later, id);
    if (line.running === 0 && line.ready.length === 0) this.#lines.delete(keyOf(task));
  }

  /** How many could begin now. */
  ready(mode: TaskMode, now: number): number {
    this.#promote(now);
    return this.#ready[mode];
  }

  /** Whose turn it is, of those that are not `busy`. It stays where it is until it is put anew. */
  next(mode: TaskMode, now: number, busy: ReadonlyMap<string, unknown>): Task | undefined {
    this.#promote(now);
    let best: { line: Line; task: Task; load: number } | undefined;
    for (const line of this.#lines.values()) {
      if (line.mode !== mode || line.ready.length === 0) continue;
      const task = line.ready.find(({ id }) => !busy.has(id));
      if (task === undefined) continue;
      // Those that are about to run are as good as running.
      const load = line.running + line.ready.indexOf(task);
      if (best === undefined || load < best.load || (load === best.load && line.servedAt < best.line.servedAt)) {
        best = { line, task, load };
      }
    }
    if (best === undefined) return undefined;
    best.line.servedAt = this.#turns += 1;
    return best.task;
  }

  /** When the next one becomes due; null: all are. */
  nextDueAt(now: number): number | null {
    this.#promote(now);
    return this.#later[0]?.notBefore ?? null;
  }

  #promote(now: number): void {
    while ((this.#later[0]?.notBefore ?? Number.POSITIVE_INFINITY) <= now) {
      const task = this.#later.shift();
      if (task === undefined) return;
      insert(this.#lineOf(task).ready, task, (a, b) => a.seq - b.seq);
      this.#ready[task.mode] += 1;
    }
  }

  #lineOf(task: Task): Line {
    const key = keyOf(task);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line: Line = { mode: task.mode, ready: [], running: 0, servedAt: 0 };
    this.#lines.set(key, line);
    return line;
  }
}

function keyOf({ mode, fairnessKey }: Task): string {
  return `${mode} ${fairnessKey}`;
}

/** Nearly always at the end. */
function insert(tasks: Task[], task: Task, order: (a: Task, b: Task) => number): void {
  let low = 0;
  let high = tasks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = tasks[middle];
    if (other !== undefined && order(other, task) <= 0) low = middle + 1;
    else high = middle;
  }
  tasks.splice(low, 0, task);
}

function removeFrom(tasks: Task[], id: string): boolean {
  const index = tasks.findIndex((task) => task.id === id);
  if (index < 0) return false;
  tasks.splice(index, 1);
  return true;
}
