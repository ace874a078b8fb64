/** What an Instance says of what its container may reach: to the gateway for each request, and to people. */
import { GantryError } from "../errors.ts";
import type { EgressOverrides, EgressPolicy } from "../egress/policy/policy.ts";
import { needsRestart } from "../egress/policy/reach.ts";
import { verifiedOf, type Verified } from "./egress-proof.ts";
import type { Effective } from "./instance-egress.ts";
import type { RunRecord } from "./run-record.ts";

export interface EgressState {
  readonly accountId: string;
  /** Its name. */
  readonly application: string;
  /** Public id. */
  readonly instance: string;
  /** What it is called by; null for a member of the pool. */
  readonly name: string | null;
  readonly digest: string;
  /** Null: the caller has it. */
  readonly policy: EgressPolicy | null;
}

/** Throws where that placement is over: what its container still asks for nobody may have. */
export function egressState(
  record: RunRecord | null,
  { policy, digest }: Effective,
  { generation, known, publicId }: { generation: number; known: string | null; publicId: string },
): EgressState {
  if (record === null || record.generation !== generation || record.phase === "ended") {
    throw new GantryError("PLACEMENT_ENDED", "this container is over: another one is in its place, or none", {});
  }
  const { owner, callName, deploymentId } = record;
  if (owner === undefined) {
    const message =
      "this container was started by an earlier version of the control plane: restart it to give it egress";
    throw new GantryError("EGRESS_DENIED", message, { deployment: deploymentId });
  }
  return {
    ...owner,
    instance: publicId,
    name: callName ?? null,
    digest,
    policy: known === digest ? null : policy,
  };
}

export interface EgressView {
  /** With what was changed for this instance alone. */
  readonly policy: EgressPolicy;
  readonly overrides: EgressOverrides;
  /** The container that runs cannot do all that the policy says before it is started again. */
  readonly isBehind: boolean;
  /** What shows that the policy holds for the container that runs; null: none does. */
  readonly verified: Verified | null;
  readonly generation: number | null;
}

export function egressView(
  record: RunRecord | null,
  {
    effective,
    said,
    overrides,
  }: { readonly effective: Effective; readonly said: EgressPolicy | null; readonly overrides: EgressOverrides },
): EgressView {
  const isAlive = record !== null && record.phase !== "ended";
  return {
    policy: effective.policy,
    overrides,
    isBehind: isAlive && needsRestart(record.reach ?? "http", said),
    verified: isAlive ? verifiedOf(record) : null,
    generation: isAlive ? record.generation : null,
  };
}
