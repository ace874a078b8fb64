/**
 * Which of a container's requests have to come to Gantry from its start on. HTTPS takes a certificate that the container
 * gets when it starts, which makes every start slower: an application that says nothing of egress does without.
 */
import type { EgressPolicy } from "./policy.ts";

/**
 * - `all`: ports 80 and 443
 * - `http`: port 80, and nothing is reached by 443
 * - `internal`: the names that exist inside containers only; everything else goes past Gantry
 */
export type Reach = "all" | "http" | "internal";

/** Null: nobody has said anything, so that nothing outside is reached. */
export function reachOf(policy: EgressPolicy | null): Reach {
  if (policy === null) return "http";
  if (policy.open) return "internal";
  return policy.interceptHttps ? "all" : "http";
}

/** Whether what was started so cannot do yet what its policy says now. */
export function needsRestart(started: Reach, policy: EgressPolicy | null): boolean {
  const wanted = reachOf(policy);
  return started !== wanted && !(started === "all" && wanted === "http");
}
