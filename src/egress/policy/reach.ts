/**
 * Which of a container's requests have to come to Gantry from its start on. HTTPS takes a certificate that the container
 * gets when it starts, which makes every start slower: what has nothing to ask for does without.
 */
import { canonical } from "../../orchestrator/launch-spec.ts";
import { NO_POLICY, type EgressPolicy } from "./policy.ts";

/**
 * - `all`: ports 80 and 443
 * - `http`: port 80, and nothing is reached by 443
 * - `internal`: the names that exist inside containers only; everything else goes past Gantry
 */
export type Reach = "all" | "http" | "internal";

const NOTHING = canonical(NO_POLICY);

export function isNothing(policy: EgressPolicy): boolean {
  return canonical(policy) === NOTHING;
}

export function reachOf(policy: EgressPolicy): Reach {
  if (policy.open) return "internal";
  return policy.interceptHttps && !isNothing(policy) ? "all" : "http";
}

/** Whether what was started so cannot do yet what its policy says now. */
export function needsRestart(started: Reach, policy: EgressPolicy): boolean {
  const wanted = reachOf(policy);
  return started !== wanted && !(started === "all" && wanted === "http");
}
