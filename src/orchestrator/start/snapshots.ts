/** What of an instance's disk was kept under a name: handles of the platform's, in the deployment's row. Pure. */
import type { ErrorDetails } from "../../errors.ts";
import { GantryError } from "../../errors.ts";
import { nameOf } from "../names.ts";
import type { Deployment } from "../plan/deployment.ts";

/** Of one instance: they are part of its row, which each of its changes writes. */
export const MAX_SNAPSHOTS = 16;

export interface StoredSnapshot {
  readonly name: string;
  /** The platform's. */
  readonly id: string;
  /** Bytes, as the platform says. */
  readonly size: number;
  readonly createdAt: number;
}

/** One of the same name takes its place. Newest first. */
export function withSnapshot(deployment: Deployment, snapshot: StoredSnapshot): Deployment {
  return { ...deployment, snapshots: [snapshot, ...others(deployment, snapshot.name)] };
}

export function withoutSnapshot(deployment: Deployment, name: string): Deployment {
  const { snapshots: _, ...rest } = deployment;
  const left = others(deployment, name);
  return left.length === 0 ? rest : { ...rest, snapshots: left };
}

function others({ snapshots = [] }: Deployment, name: string): StoredSnapshot[] {
  return snapshots.filter((other) => other.name !== name);
}

export function requireSnapshot(application: string, deployment: Deployment | undefined, name: string): StoredSnapshot {
  const found = deployment?.snapshots?.find((snapshot) => snapshot.name === name);
  if (found !== undefined) return found;
  const known = (deployment?.snapshots ?? []).map((snapshot) => snapshot.name);
  const details: ErrorDetails = { snapshot: name, known };
  const whose = deployment === undefined ? "an instance that is not there" : nameOf(application, deployment);
  throw new GantryError("SNAPSHOT_NOT_FOUND", `${whose} has no snapshot ${name}`, details);
}
