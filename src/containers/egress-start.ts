/** What the start of a container has to know of what it may reach. */
import type { EgressPolicy } from "../egress/policy/policy.ts";
import { reachOf, type Reach } from "../egress/policy/reach.ts";

export interface EgressStart {
  readonly reach: Reach;
  /** It gets no traffic before its policy is seen to hold. */
  readonly isProved: boolean;
}

export const REACHES_NOTHING: EgressStart = { reach: "http", isProved: false };

/** Null: nobody has said anything. */
export function egressStart(policy: EgressPolicy | null): EgressStart {
  return { reach: reachOf(policy), isProved: policy !== null && !policy.open };
}
