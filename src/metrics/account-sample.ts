/** What an account's object tells the metrics: counts since it came into memory. */
import type { ObjectCosts } from "./application-sample.ts";
import type { RequestCount } from "./request-counts.ts";

export interface AccountSample {
  readonly startedAt: number;
  readonly requests: readonly RequestCount[];
  readonly costs: ObjectCosts;
}
