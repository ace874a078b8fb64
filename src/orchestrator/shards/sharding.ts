/**
 * How one application is spread over several scheduler objects, its shards. Pure.
 *
 * Shard 0 is the application's own object: it has what users write, and the one log of events. Every other one follows
 * it. Slots are dealt out in turn, so that the shard of an instance is known by its name, and that of a deployment by its
 * id. How many there are is decided when the application is made, for good.
 */
import type { ApplicationRow } from "../storage/application-row.ts";
import { parseDeploymentId } from "../deployment-id.ts";
import { wantedOf } from "../warm.ts";

export interface Sharding {
  /** Of this object. */
  readonly shard: number;
  readonly shards: number;
  /** Grows with each change of `holder`. */
  readonly turn: number;
  /** The shard that may start an instance before an old one goes; null while that is handed on. */
  readonly holder: number | null;
}

export const MAX_SHARDS = 16;

type Spread = Pick<ApplicationRow, "kind" | "spec" | "sharding">;

/** What the control plane is configured with. What is no number of shards is one. */
export function shardsIn(text = ""): number {
  const count = /^\d{1,3}$/.test(text.trim()) ? Number(text) : 1;
  return count >= 1 && count <= MAX_SHARDS ? count : 1;
}

/** Undefined for what needs no more than its own object. */
export function newSharding(kind: ApplicationRow["kind"], shards: number): Sharding | undefined {
  return kind === "deployment" || shards === 1 ? undefined : { shard: 0, shards, turn: 0, holder: 0 };
}

/** Instances of this object, warm ones among them. */
export function shareOf({ kind, spec, sharding }: Spread): number {
  if (kind === "deployment") return 1;
  const instances = wantedOf(spec);
  return sharding === undefined ? instances : shareAt(sharding.shard, sharding.shards, instances);
}

/** How many instances the shards before this one place that are not among those `known`. */
export function unknownBefore({ spec, sharding }: Pick<Spread, "spec" | "sharding">, known: number): number {
  const instances = wantedOf(spec);
  let before = -known;
  for (let shard = 0; shard < (sharding?.shard ?? 0); shard += 1) {
    before += shareAt(shard, sharding?.shards ?? 1, instances);
  }
  return Math.max(0, before);
}

export function shareAt(shard: number, shards: number, instances: number): number {
  return Math.max(0, Math.ceil((instances - shard) / shards));
}

/** It may have one instance more than its share while it replaces what is outdated. */
export function maySurge({ sharding }: Pick<Spread, "sharding">): boolean {
  return sharding === undefined || sharding.holder === sharding.shard;
}

/** The name of a shard's object, and of what the account's capacity knows of it. */
export function objectName(applicationId: string, shard: number): string {
  return shard === 0 ? applicationId : `${applicationId}/${shard}`;
}

/** The application that a shard's object belongs to. */
export function applicationOf(name: string): string {
  return name.split("/", 1)[0] ?? name;
}

/** The shard that has what a key names, as far as the key says it: an instance's public id does not. */
export function shardOfKey(key: string, { id, name, sharding }: Pick<ApplicationRow, "id" | "name" | "sharding">) {
  const { shards } = sharding ?? { shards: 1 };
  const address = parseDeploymentId(key);
  if (address !== null) return address.applicationId === id && address.shard < shards ? address.shard : null;
  if (!key.startsWith(`${name}-`)) return null;
  const slot = key.slice(name.length + 1);
  return /^\d{1,9}$/.test(slot) ? Number(slot) % shards : null;
}
