/**
 * Requests at a steady rate, each of which takes as long as it is told, so that as many are under way as is wanted. Open
 * loop: a slow answer delays nobody behind it, as people at a distance would not wait for each other either.
 */
import { setTimeout as sleep } from "node:timers/promises";

export interface Answered {
  /** Since the beginning, in milliseconds. */
  readonly at: number;
  /** 0: none came. */
  readonly status: number;
  /** How much longer it took than it was to take. */
  readonly lateMs: number;
  readonly why?: string;
}

export interface LoadOptions {
  readonly perSecond: number;
  readonly durationMs: number;
  /** How many requests are to be under way at that time. */
  readonly concurrencyAt: (ms: number) => number;
  /** Sends one that takes so long, and reads the answer to its end. */
  readonly call: (takesMs: number) => Promise<{ readonly status: number; readonly body: string }>;
  readonly signal: AbortSignal;
}

/** So many more than are to be under way: nothing that is measured any more has to do with what is to be measured. */
const MOST_BEHIND = 1_000;

/** Of every request, in the order in which they ended. */
export async function driveLoad(options: LoadOptions): Promise<Answered[]> {
  const { perSecond, durationMs, concurrencyAt, call, signal } = options;
  const answered: Answered[] = [];
  const pending: Promise<void>[] = [];
  const beganAt = performance.now();
  const one = async (at: number) => {
    const takesMs = Math.round((concurrencyAt(at) * 1_000) / perSecond);
    const sentAt = performance.now();
    const answer = await call(takesMs).catch((error: unknown) => ({ status: 0, body: String(error) }));
    const lateMs = performance.now() - sentAt - takesMs;
    const { status, body } = answer;
    answered.push({ at, status, lateMs, ...(status === 200 ? {} : { why: body.slice(0, 300) }) });
  };
  for (let sent = 0; (sent * 1_000) / perSecond < durationMs; sent += 1) {
    signal.throwIfAborted();
    const open = sent - answered.length;
    if (open > concurrencyAt(((sent - 1) * 1_000) / perSecond) + MOST_BEHIND) {
      throw new Error(`${open} requests are under way: this machine is too busy for ${perSecond} a second`);
    }
    const dueAt = (sent * 1_000) / perSecond;
    await sleep(Math.max(0, beganAt + dueAt - performance.now()));
    pending.push(one(dueAt));
  }
  await Promise.all(pending);
  return answered;
}
