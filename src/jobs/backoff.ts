/** How long an index waits before it is tried again. */
import type { JobSpec } from "./job.ts";

/** What the platform lost is tried again soon: it says nothing about the job. */
const LOSS_DELAY_MS = 1_000;
const MAX_LOSS_DELAY_MS = 60_000;

/** After its `failures`th failure, counted from 1: 10 s, 20 s, 40 s… up to 6 min by default. */
export function failureDelayMs(
  { backoffMs, maxBackoffMs }: Pick<JobSpec, "backoffMs" | "maxBackoffMs">,
  failures: number,
): number {
  return Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(30, failures - 1));
}

/** After its `losses`th loss in a row. */
export function lossDelayMs(losses: number): number {
  return Math.min(MAX_LOSS_DELAY_MS, LOSS_DELAY_MS * 2 ** Math.min(30, losses - 1));
}
