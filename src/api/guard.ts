/** What a request says about the state that it expects, for the object that owns the row. */
import type { WriteGuard } from "../orchestrator/write-guard.ts";
import type { Call } from "./route.ts";

export function guardOf({ ifMatch, lease, seed, isRetry }: Call<unknown, unknown>): WriteGuard {
  return { ifMatch, lease, seed, isRetry };
}
