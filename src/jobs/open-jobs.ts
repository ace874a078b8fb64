/**
 * The jobs that are not over, in memory, so that a pass looks at those of which something can be done and at no others: of
 * thousands that wait for their first attempt, only at as many as there is room for; at those that wait for the time of
 * their next one, when that has come.
 */
import { countOf } from "./index-set.ts";
import type { Job, Retry } from "./job.ts";
import type { OpenJob } from "./job-turns.ts";

interface Entry {
  /** Its place in the order in which jobs were made. */
  readonly position: number;
  job: Job;
  readonly retries: Map<number, Retry>;
  /** It was looked at, and before then nothing but a change of it is news; 0: it is to be looked at. */
  restsUntil: number;
}

export interface InHand {
  /** Oldest first. */
  readonly jobs: readonly OpenJob[];
  /** When more of them are to be looked at; null: not by time alone. */
  readonly wakeAt: number | null;
  /** Indexes of all of them that are to be tried again. */
  readonly waiting: number;
}

export class OpenJobs {
  readonly #all = new Map<string, Entry>();
  /** Begun, or decided. */
  readonly #begun = new Map<string, Entry>();
  /** Nothing of them has begun, and they wait for nobody: by fairness key, oldest first. */
  readonly #fresh = new Map<string, Map<string, Entry>>();
  #last = 0;

  get(id: string): Job | undefined {
    return this.#all.get(id)?.job;
  }

  /** To be changed. */
  retries(id: string): Map<number, Retry> | undefined {
    const entry = this.#all.get(id);
    if (entry !== undefined) entry.restsUntil = 0;
    return entry?.retries;
  }

  /** Oldest first. */
  all(): OpenJob[] {
    return [...this.#all.values()].map(openJob);
  }

  /** `position`: its place among all that were ever made; absent: it has one, or comes after those that are here. */
  put(job: Job, position = this.#last + 1): void {
    const known = this.#all.get(job.id);
    if (known === undefined) this.#last = Math.max(this.#last, position);
    const entry = known ?? { position, job, retries: new Map<number, Retry>(), restsUntil: 0 };
    const isAsBefore = known !== undefined && placeOf(known.job) === placeOf(job);
    if (known === undefined) this.#all.set(job.id, entry);
    else if (!isAsBefore) this.#unplace(known.job);
    entry.job = job;
    entry.restsUntil = 0;
    if (!isAsBefore) this.#place(entry);
  }

  delete(id: string): void {
    const known = this.#all.get(id);
    if (known === undefined) return;
    this.#unplace(known.job);
    this.#all.delete(id);
  }

  /** Of those that fit: all that is left of them waits to be tried again, later than now. */
  resting(isWanted: (job: Job) => boolean, now: number): number {
    let count = 0;
    for (const entry of this.#begun.values()) if (isWanted(entry.job) && restOf(entry) > now) count += 1;
    return count;
  }

  /** Of those that fit, the newest first, from the one before that place on. */
  newest(isWanted: (job: Job) => boolean, before: number | null, limit: number): { seq: number; job: Job }[] {
    const found: { seq: number; job: Job }[] = [];
    for (const { position: seq, job } of [...this.#all.values()].toReversed()) {
      if (found.length >= limit) break;
      if ((before === null || seq < before) && isWanted(job)) found.push({ seq, job });
    }
    return found;
  }

  /**
   * Those that have begun and do not rest, and of the others as many of each key as there is room for. Keys that nobody sees
   * here would have no turn: of those with as few alive, `room` others have waited longer.
   */
  inHand(room: number, turns: ReadonlyMap<string, number>, now: number): InHand {
    const found: Entry[] = [];
    let wakeAt = Number.POSITIVE_INFINITY;
    let waiting = 0;
    for (const entry of this.#begun.values()) {
      if (entry.job.verdict === null && !entry.job.suspended) waiting += entry.retries.size;
      if (entry.restsUntil > now) {
        wakeAt = Math.min(wakeAt, entry.restsUntil);
      } else {
        found.push(entry);
        // Whatever is to be done about it now changes it.
        entry.restsUntil = restOf(entry);
      }
    }
    if (room > 0) {
      for (const key of this.#keysInTurn(room + found.length, turns)) found.push(...first(this.#fresh.get(key), room));
    }
    const jobs = found.toSorted((a, b) => a.position - b.position).map(openJob);
    return { jobs, wakeAt: Number.isFinite(wakeAt) ? wakeAt : null, waiting };
  }

  /** Those that had no turn, then those whose last turn is the longest ago. */
  #keysInTurn(most: number, turns: ReadonlyMap<string, number>): string[] {
    const keys: string[] = [];
    for (const key of this.#fresh.keys()) {
      if (keys.length >= most) return keys;
      if (!turns.has(key)) keys.push(key);
    }
    for (const key of turns.keys()) {
      if (keys.length >= most) return keys;
      if (this.#fresh.has(key)) keys.push(key);
    }
    return keys;
  }

  #place(entry: Entry): void {
    const { id, fairnessKey } = entry.job;
    const place = placeOf(entry.job);
    if (place === "begun") this.#begun.set(id, entry);
    if (place !== "fresh") return;
    const queue = this.#fresh.get(fairnessKey) ?? new Map<string, Entry>();
    // One that was suspended comes back before those that were made after it.
    const later =
      this.#last === entry.position ? [] : [...queue].filter(([, { position }]) => position > entry.position);
    for (const [other] of later) queue.delete(other);
    queue.set(id, entry);
    for (const [other, own] of later) queue.set(other, own);
    this.#fresh.set(fairnessKey, queue);
  }

  #unplace({ id, fairnessKey }: Job): void {
    this.#begun.delete(id);
    const queue = this.#fresh.get(fairnessKey);
    queue?.delete(id);
    if (queue?.size === 0) this.#fresh.delete(fairnessKey);
  }
}

function placeOf({ attempts, verdict, suspended }: Job): "begun" | "fresh" | "aside" {
  if (attempts > 0 || verdict !== null) return "begun";
  return suspended ? "aside" : "fresh";
}

/** Until when only time can change what is to be done: all that is left of it waits to be tried again. */
function restOf({ job, retries }: Entry): number {
  const { spec, verdict, suspended, nextIndex, startedAt, doneIndexes, failedIndexes } = job;
  if (verdict !== null || suspended || nextIndex < spec.completions) return 0;
  // Else an attempt is alive, which has times of its own.
  const isWaiting = retries.size === spec.completions - countOf(doneIndexes) - countOf(failedIndexes);
  if (!isWaiting || retries.size === 0) return 0;
  const deadline =
    startedAt === null || spec.deadlineMs === null ? Number.POSITIVE_INFINITY : startedAt + spec.deadlineMs;
  let restsUntil = deadline;
  for (const { notBefore } of retries.values()) restsUntil = Math.min(restsUntil, notBefore);
  return restsUntil;
}

function openJob({ job, retries }: Entry): OpenJob {
  return { job, retries: [...retries.values()] };
}

function first(queue: ReadonlyMap<string, Entry> | undefined, count: number): Entry[] {
  const found: Entry[] = [];
  for (const entry of queue?.values() ?? []) {
    if (found.length >= count) break;
    found.push(entry);
  }
  return found;
}
