/**
 * When a deployment may start again after its placement ended. Pure policy.
 *
 * The user's failures: the first restart is immediate, then 10 s doubling to 5 min, forgiven after 10 minutes of being
 * ready (Kubernetes' CrashLoopBackOff). The platform's losses: immediate, then 1 s doubling to one minute; when it has no
 * container to give, 1 s at once, and 30 s at most.
 */
import type { Deployment, OutcomeKind } from "./deployment.ts";

export const CRASH_BACKOFF_FIRST_MS = 10_000;
export const CRASH_BACKOFF_MAX_MS = 300_000;
export const CRASH_FORGIVEN_AFTER_MS = 600_000;
export const LOSS_BACKOFF_FIRST_MS = 1_000;
export const LOSS_BACKOFF_MAX_MS = 60_000;
/** What waits for a container takes one within this time. */
export const UNAVAILABLE_BACKOFF_MAX_MS = 30_000;
/** A loss after this long of being ready is news, not a streak. */
export const LOSS_FORGIVEN_AFTER_MS = 30_000;

export function crashDelayMs(failures: number): number {
  return failures <= 1 ? 0 : Math.min(CRASH_BACKOFF_MAX_MS, CRASH_BACKOFF_FIRST_MS * 2 ** Math.min(failures - 2, 10));
}

export function lossDelayMs(losses: number): number {
  return losses <= 1 ? 0 : Math.min(LOSS_BACKOFF_MAX_MS, LOSS_BACKOFF_FIRST_MS * 2 ** Math.min(losses - 2, 10));
}

export interface RestartDecision {
  readonly failures: number;
  readonly losses: number;
  readonly nextStartAt: number;
}

/** Counts the end of a placement and says when the next one may start. */
export function decideRestart(
  deployment: Pick<Deployment, "failures" | "losses" | "readyAt">,
  kind: OutcomeKind,
  now: number,
): RestartDecision {
  const readyForMs = deployment.readyAt === null ? 0 : now - deployment.readyAt;
  const failures = readyForMs >= CRASH_FORGIVEN_AFTER_MS ? 0 : deployment.failures;
  const losses = readyForMs >= LOSS_FORGIVEN_AFTER_MS ? 0 : deployment.losses;
  switch (kind) {
    case "exited":
    case "killed": {
      return { failures: failures + 1, losses, nextStartAt: now + crashDelayMs(failures + 1) };
    }
    // An image that does not boot will not boot a moment later either: no immediate second try.
    case "refused": {
      return { failures: failures + 1, losses, nextStartAt: now + crashDelayMs(failures + 2) };
    }
    case "lost":
    case "unknown":
    case "never-started": {
      return { failures, losses: losses + 1, nextStartAt: now + lossDelayMs(losses + 1) };
    }
    // Who is told that there is none, or to slow down, does not ask again at once.
    case "unavailable": {
      const delayMs = Math.min(UNAVAILABLE_BACKOFF_MAX_MS, lossDelayMs(losses + 2));
      return { failures, losses: losses + 1, nextStartAt: now + delayMs };
    }
    case "stopped": {
      return { failures, losses, nextStartAt: now };
    }
  }
}
