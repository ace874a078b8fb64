/**
 * How often and how long after each other one call is tried. Pure: time and chance are arguments.
 *
 * Full jitter, since callers that failed together would otherwise come back together. What Gantry asks to wait is never
 * shortened: where it is more than the policy would ever wait, there is no next try.
 */
import { invalidInput } from "../errors.ts";

export interface RetryOptions {
  /** All tries of one call together; 1 turns retries off. Default 3. */
  readonly attempts?: number;
  /** Upper bound of the pause before the second try; it doubles with each. Default 500, of `pool` 100. */
  readonly backoffMs?: number;
  /** Upper bound of every pause. Default 30,000. */
  readonly maxBackoffMs?: number;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** For `get` and `any`: a container takes about this long to start. */
export const COLD_START_POLICY: RetryPolicy = { attempts: 3, backoffMs: 500, maxBackoffMs: 30_000 };
/** For `pool`: another member is most likely there already. */
export const POOL_POLICY: RetryPolicy = { attempts: 3, backoffMs: 100, maxBackoffMs: 30_000 };

/** More tries than this hide a failure rather than bridge it. */
export const MAX_ATTEMPTS = 100;

export function retryPolicy(options: RetryOptions, defaults: RetryPolicy): RetryPolicy {
  const policy = {
    attempts: options.attempts ?? defaults.attempts,
    backoffMs: options.backoffMs ?? defaults.backoffMs,
    maxBackoffMs: options.maxBackoffMs ?? defaults.maxBackoffMs,
  };
  const problems: Record<string, string> = {};
  if (!Number.isInteger(policy.attempts) || policy.attempts < 1 || policy.attempts > MAX_ATTEMPTS) {
    problems["attempts"] = `must be a whole number from 1 (no retry) to ${MAX_ATTEMPTS}; it is ${policy.attempts}`;
  }
  for (const field of ["backoffMs", "maxBackoffMs"] as const) {
    if (Number.isFinite(policy[field]) && policy[field] >= 0) continue;
    problems[field] = `must be a number of milliseconds from 0; it is ${policy[field]}`;
  }
  if (Object.keys(problems).length > 0) throw invalidInput("retry options", problems);
  return policy;
}

/** The pause after `failures` tries; null when there is to be no other. `random` is at least 0 and below 1. */
export function pauseAfter(
  policy: RetryPolicy,
  failures: number,
  retryAfterMs: number | null,
  random: number,
): number | null {
  if (failures >= policy.attempts) return null;
  const jitter = random * Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (failures - 1));
  if (retryAfterMs === null) return jitter;
  return retryAfterMs > policy.maxBackoffMs ? null : retryAfterMs + jitter;
}

/** `retry-after` in either of its forms; null where it says nothing. */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
