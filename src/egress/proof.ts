/** What the gateway answers to a container that makes sure that its requests come here. */
import type { Workload } from "../bridge/workload.ts";

/** Of a range that is for documentation, so that nobody has it. */
export const PROOF_ADDRESS = "192.0.2.1";
const PROOF_PATH = "/.gantry/egress";
export const PROOF_URL = `http://${PROOF_ADDRESS}${PROOF_PATH}`;

/** Everything else that is asked of that address is decided on like any other. */
export function isProof({ hostname, pathname }: URL): boolean {
  return hostname === PROOF_ADDRESS && pathname === PROOF_PATH;
}

export function proofOf({ deploymentId, generation }: Pick<Workload, "deploymentId" | "generation">): string {
  return `gantry-egress ${deploymentId} ${generation}`;
}
