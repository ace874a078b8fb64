/** What the gateway answers to a container that makes sure that its requests come here. */
import type { Workload } from "../bridge/workload.ts";

/** Of a range that is for documentation, so that nobody has it. */
export const PROOF_ADDRESS = "192.0.2.1";

export function proofOf({ deploymentId, generation }: Pick<Workload, "deploymentId" | "generation">): string {
  return `gantry-egress ${deploymentId} ${generation}`;
}
