/** Names of instances: the application's and the slot's number, or what one is called by. */
import type { Deployment } from "./plan/deployment.ts";

export function nameOf(applicationName: string, { name, slot }: Pick<Deployment, "name" | "slot">): string {
  return name ?? instanceName(applicationName, slot);
}

export function instanceName(applicationName: string, slot: number): string {
  return `${applicationName}-${slot}`;
}
