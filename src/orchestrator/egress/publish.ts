/**
 * A change of policy, told to what runs. Whoever is not reached hears of it with the answer to its next report, so that
 * nothing is kept of it here.
 */
import { inBatches } from "../../batches.ts";
import { describeError } from "../../errors.ts";
import type { EgressNow } from "../../egress/policy/policy.ts";
import { instanceStub, publicInstanceId } from "../../stubs.ts";
import { withTimeout } from "../../with-timeout.ts";
import { isLive, type Deployment } from "../plan/deployment.ts";

/** A change is waited for by whoever made it: of one instance so long, and of all together. */
const TELL_WITHIN_MS = 3_000;
const ALL_WITHIN_MS = 10_000;

export interface Published {
  /** How many instances it holds for from their next request on. */
  readonly told: number;
  /** Public ids of those that did not answer in time; they follow with their next report. */
  readonly pending: readonly string[];
  /** Public ids of those that were started for less, or for more: not all of it holds before they are started again. */
  readonly restart: readonly string[];
}

export async function publishEgress(env: Env, all: readonly Deployment[], now: EgressNow): Promise<Published> {
  const live = all.filter(isLive);
  const deadline = Date.now() + ALL_WITHIN_MS;
  const results = await inBatches(live, async ({ id }) => {
    const leftMs = Math.min(TELL_WITHIN_MS, deadline - Date.now());
    if (leftMs <= 0) return { id, state: "pending" } as const;
    try {
      const isBehind: boolean = await withTimeout(Promise.resolve(instanceStub(env, id).adoptEgress(now)), leftMs);
      return { id, state: isBehind ? "behind" : "told" } as const;
    } catch (error) {
      console.warn({ message: "egress.untold", deployment: id, error: describeError(error) });
      return { id, state: "pending" } as const;
    }
  });
  const idsOf = (wanted: "behind" | "pending") =>
    results.filter(({ state }) => state === wanted).map(({ id }) => publicInstanceId(env, id));
  const pending = idsOf("pending");
  return { told: results.length - pending.length, pending, restart: idsOf("behind") };
}
