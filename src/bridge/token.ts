/**
 * Tokens of the bridge, for programs that Gantry cannot tell by where they call from. A token names its placement and is
 * signed, so that nothing of it is stored and no object is woken by one that was made up. Whether the placement lives, and
 * was given one, its Instance knows.
 */
import { createHmac } from "node:crypto";
import { sameSecret } from "../api/credentials.ts";
import { parseDeploymentId } from "../orchestrator/deployment-id.ts";
import { masterKeyBytes } from "../sealing.ts";
import type { Workload } from "./workload.ts";

/** `gtw_<deployment>_<generation>_<signature>` */
const TOKEN = /^gtw_([a-z0-9-]{1,80})_(\d{1,9})_([0-9a-f]{64})$/;

type Placement = Pick<Workload, "deploymentId" | "generation">;

export function mintWorkloadToken(keys: readonly string[], { deploymentId, generation }: Placement): string {
  return `gtw_${deploymentId}_${generation}_${signatureOf(keys[0] ?? "", { deploymentId, generation })}`;
}

/** Null for what nobody was given. */
export function workloadOf(keys: readonly string[], token: string): Workload | null {
  const [, deploymentId = "", digits = "", signature = ""] = TOKEN.exec(token) ?? [];
  const applicationId = parseDeploymentId(deploymentId)?.applicationId;
  if (applicationId === undefined) return null;
  const placement = { deploymentId, generation: Number(digits) };
  const isGood = keys.some((key) => sameSecret(signatureOf(key, placement), signature));
  return isGood ? { applicationId, ...placement } : null;
}

function signatureOf(key: string, { deploymentId, generation }: Placement): string {
  return createHmac("sha256", masterKeyBytes(key)).update(`workload token ${deploymentId} ${generation}`).digest("hex");
}
