/** What a user signs for a command: both sides know it, so that nobody signs what he has not asked for. */
import { toHex } from "./encoding.ts";

/** What the signature is made for: `ssh-keygen -Y sign -n gantry-exec`. */
export const EXEC_NAMESPACE = "gantry-exec";

export interface SignedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly timeout_ms: number;
  readonly max_output_bytes: number;
}

/** Hex SHA-256 over all of it; the order in which variables were written does not count. */
export async function commandDigest(signed: SignedCommand): Promise<string> {
  const { command, args, cwd = null, env, timeout_ms, max_output_bytes } = signed;
  const variables = Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([command, args, cwd, variables, timeout_ms, max_output_bytes]);
  return toHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** Whether a challenge is for that command in that instance. The rest of it is the server's. */
export function isChallengeFor(challenge: string, deploymentId: string, digest: string): boolean {
  const [purpose, , deployment, command] = challenge.split(":");
  return purpose === "gantry-exec-v1" && deployment === deploymentId && command === digest;
}
