/**
 * How long a container may live: its hard timeout, counted from the launch, and for a named instance the sleep after
 * nothing was under way. Neither costs a timer of its own: the next look is made in time for both. Pure.
 */
import type { RunRecord } from "./run-record.ts";

type Lifespan = Pick<RunRecord, "startedAt" | "checkEveryMs" | "hardTimeoutMs" | "sleepAfterMs" | "activeAt">;

/** `Infinity` without a hard timeout. */
export function hardDeadlineOf({ startedAt, hardTimeoutMs }: Lifespan): number {
  return hardTimeoutMs === undefined ? Number.POSITIVE_INFINITY : startedAt + hardTimeoutMs;
}

/** `activeAt`: what this lifetime of the object has seen itself. `Infinity` for what never sleeps. */
export function idleDeadlineOf({ sleepAfterMs, activeAt = 0 }: Lifespan, seenActiveAt: number): number {
  return sleepAfterMs === undefined ? Number.POSITIVE_INFINITY : Math.max(activeAt, seenActiveAt) + sleepAfterMs;
}

/** When to look at the container next. */
export function nextLookAt(record: Lifespan, seenActiveAt: number, now: number): number {
  const deadline = Math.min(hardDeadlineOf(record), idleDeadlineOf(record, seenActiveAt));
  const usual = now + record.checkEveryMs;
  return deadline > now ? Math.min(usual, deadline) : usual;
}

/**
 * What an earlier lifetime of the object has written: the first request since its last look. Others may have followed
 * it, until the next look would have been due.
 */
export function resumedActiveAt({ activeAt = 0, checkEveryMs }: Lifespan, now: number): number {
  return Math.min(now, activeAt + checkEveryMs);
}

/** When startup checks have to have passed, if there are any: an eviction must not make it later. */
export function startupDueMs({ checks, startupDeadlineMs }: Pick<RunRecord, "checks" | "startupDeadlineMs">): number {
  return checks.some(({ kind }) => kind === "startup") ? startupDeadlineMs : Number.POSITIVE_INFINITY;
}
