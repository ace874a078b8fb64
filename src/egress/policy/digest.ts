/** Tells whether two policies are one: what was made of a policy is kept under its digest. */
import { createHash } from "node:crypto";
import { canonical } from "../../orchestrator/launch-spec.ts";
import type { EgressPolicy } from "./policy.ts";

/** Hex SHA-256; the order in which fields were written does not count, that of rules does. */
export function policyDigest(policy: EgressPolicy): string {
  return createHash("sha256").update(canonical(policy)).digest("hex");
}
