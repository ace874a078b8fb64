/** Names of instances: the application's and the slot's number, what one is called by, or the job and index that it runs. */
import { parseDeploymentId } from "./deployment-id.ts";
import type { Deployment } from "./plan/deployment.ts";

export function nameOf(
  applicationName: string,
  { name, slot, attempt }: Pick<Deployment, "name" | "slot" | "attempt">,
): string {
  if (attempt !== undefined) return `${applicationName}-${attempt.name}-${attempt.index}`;
  return name ?? instanceName(applicationName, slot);
}

/** 64 hex digits, as every object's id. */
const PUBLIC_ID = /^[0-9a-f]{64}$/;
const MAX_NAME_LENGTH = 128;

/**
 * Whether an instance may be called by this name: nothing that means another instance, or may mean one later, and nothing
 * that a header or a label cannot carry.
 */
export function isCallable(applicationName: string, name: string): boolean {
  if (name === "" || name.length > MAX_NAME_LENGTH || !/^[\x21-\x7e]+$/.test(name)) return false;
  const isSlot = name.startsWith(`${applicationName}-`) && /^\d+$/.test(name.slice(applicationName.length + 1));
  return !isSlot && !PUBLIC_ID.test(name) && parseDeploymentId(name) === null;
}

export function instanceName(applicationName: string, slot: number): string {
  return `${applicationName}-${slot}`;
}
