/** Waiting for a state: in memory only, bounded in number and in time, woken by every event of the application. */
import { GantryError } from "../errors.ts";
import type { ReadyWaiters } from "./ready-waiters.ts";

export const MAX_WAIT_MS = 25_000;

export interface Waited<T> {
  readonly isReached: boolean;
  /** As it was last seen; null when it is not there (any more). */
  readonly view: T | null;
}

export async function waitUntil<T>(
  waiters: ReadyWaiters,
  look: () => T | null,
  isReached: (view: T) => boolean,
  timeoutMs: number,
): Promise<Waited<T>> {
  const deadline = Date.now() + Math.min(timeoutMs, MAX_WAIT_MS);
  for (;;) {
    const view = look();
    if (view === null) return { isReached: false, view };
    if (isReached(view)) return { isReached: true, view };
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) return { isReached: false, view };
    if (waiters.isFull)
      throw new GantryError("QUEUE_FULL", "too many requests wait for this application: try again later");
    await waiters.wait(leftMs);
  }
}
