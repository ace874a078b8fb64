/** What the instances of an application may reach, as its row says it. */
import { policyDigest } from "../../egress/policy/digest.ts";
import type { EgressNow, EgressPolicy } from "../../egress/policy/policy.ts";
import type { ApplicationRow } from "../storage/application-row.ts";

/** Of policies as they stand in rows, which are read once for many reports. */
const digests = new WeakMap<EgressPolicy, string>();

export function egressNow({ generation, spec }: Pick<ApplicationRow, "generation" | "spec">): EgressNow {
  return { seq: generation, policy: spec.egress ?? null };
}

/** Undefined: nothing outside. */
export function egressDigest({ spec }: Pick<ApplicationRow, "spec">): string | undefined {
  const { egress } = spec;
  if (egress == null) return undefined;
  const known = digests.get(egress);
  if (known !== undefined) return known;
  const digest = policyDigest(egress);
  digests.set(egress, digest);
  return digest;
}
