/** What users' writes do to an application's rows: create, patch, delete. Synchronous; a pass follows in the same turn. */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { chooseVersion, type Change, type NewConfiguration } from "./change.ts";
import type { Autoscaling } from "./autoscaling/policy.ts";
import type { StoredConfiguration } from "./configurations.ts";
import { appendEvents, type EventDraft } from "./events.ts";
import { newSharding } from "./shards/sharding.ts";
import { MAX_INSTANCES, tooManyWarm } from "./warm.ts";
import {
  getVersion,
  insertVersion,
  listVersions,
  writeApplication,
  type ApplicationKind,
  type ApplicationRow,
  type ApplicationSpec,
  type Version,
} from "./storage/application-row.ts";

export interface NewApplication {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** `application` unless said otherwise. A `deployment` has exactly one instance. */
  readonly kind?: ApplicationKind;
  readonly spec: ApplicationSpec;
  readonly configuration: StoredConfiguration;
  readonly revision: string;
}

export interface ApplicationPatch {
  readonly instances?: number;
  readonly maxInstances?: number;
  readonly ingress?: ApplicationSpec["ingress"];
  readonly hostnames?: readonly string[];
  /** From then on somebody else may have its host names. */
  readonly claimedUntil?: number;
  readonly checkEveryMs?: number;
  readonly logs?: boolean;
  readonly constraints?: Exclude<ApplicationSpec["constraints"], undefined>;
  readonly colocation?: Exclude<ApplicationSpec["colocation"], undefined>;
  readonly priority?: number;
  readonly isPreemptible?: boolean;
  readonly namedInstances?: number;
  readonly warm?: number;
  readonly jobInstances?: number;
  readonly maxParallelTasks?: number;
  readonly autoscaling?: Exclude<ApplicationSpec["autoscaling"], undefined>;
  readonly bridge?: Exclude<ApplicationSpec["bridge"], undefined>;
  readonly hooks?: Exclude<ApplicationSpec["hooks"], undefined>;
  readonly rollout?: Exclude<ApplicationSpec["rollout"], undefined>;
  readonly rolloutGraceMs?: number;
  readonly egress?: Exclude<ApplicationSpec["egress"], undefined>;
  /** Stored, and not activated. */
  readonly version?: NewConfiguration;
}

/** A whole specification: what is left out of the request is at its default here. */
export interface ApplicationPut {
  readonly spec: ApplicationSpec;
  readonly version: NewConfiguration;
}

/** `shards`: over so many scheduler objects it is spread, for good. */
export function applyCreate(db: Database, input: NewApplication, session: string, now: number, shards = 1): void {
  const kind = input.kind ?? "application";
  const sharding = newSharding(kind, shards);
  db.transaction(() => {
    writeApplication(db, {
      id: input.id,
      accountId: input.accountId,
      name: input.name,
      kind,
      spec: { ...input.spec, instances: withinBounds(input.spec.instances, input.spec.autoscaling) },
      activeVersion: 1,
      generation: 1,
      // The pass over it follows in the same turn, whose writes are kept together or not at all.
      observedGeneration: 1,
      deleting: false,
      session,
      createdAt: now,
      updatedAt: now,
      ...(sharding === undefined ? {} : { sharding }),
    });
    insertVersion(db, { version: 1, configuration: input.configuration, revision: input.revision, createdAt: now });
    const message = `created with ${input.spec.instances} instances of ${input.configuration.image}`;
    appendEvents(db, [info("ApplicationCreated", message, { instances: input.spec.instances })], now);
  });
}

export function planPatch(db: Database, row: ApplicationRow, patch: ApplicationPatch): Change {
  if (row.kind === "deployment" && (patch.instances ?? 1) !== 1) {
    const reason = "must be 1: a deployment is one instance; create an application to scale";
    throw new GantryError("VALIDATE_INPUT", `instances ${reason}`, { instances: reason });
  }
  const maxInstances = patch.maxInstances ?? row.spec.maxInstances;
  const ceiling = maxInstances ?? Number.POSITIVE_INFINITY;
  if (patch.instances !== undefined && patch.instances > ceiling) {
    const reason = `must be at most max_instances (${ceiling}): raise max_instances as well`;
    throw new GantryError("VALIDATE_INPUT", `instances ${reason}`, { instances: reason });
  }
  const autoscaling = patch.autoscaling === undefined ? (row.spec.autoscaling ?? null) : patch.autoscaling;
  if (autoscaling !== null) requireRoom(autoscaling, ceiling, patch);
  // Lowering the ceiling reduces what runs.
  const instances = withinBounds(Math.min(patch.instances ?? row.spec.instances, ceiling), autoscaling);
  const warm = patch.warm ?? row.spec.warm ?? 0;
  requireRoomForWarm(warm, autoscaling?.max ?? instances, ceiling, patch);
  const spec: ApplicationSpec = {
    ...row.spec,
    instances,
    ...(patch.autoscaling === undefined ? {} : { autoscaling: patch.autoscaling }),
    maxInstances,
    ingress: patch.ingress ?? row.spec.ingress,
    ...(patch.hostnames === undefined ? {} : { hostnames: patch.hostnames }),
    checkEveryMs: patch.checkEveryMs ?? row.spec.checkEveryMs,
    ...(patch.logs === undefined ? {} : { logs: patch.logs }),
    ...(patch.constraints === undefined ? {} : { constraints: patch.constraints }),
    ...(patch.colocation === undefined ? {} : { colocation: patch.colocation }),
    ...(patch.priority === undefined ? {} : { priority: patch.priority }),
    ...(patch.isPreemptible === undefined ? {} : { isPreemptible: patch.isPreemptible }),
    ...(patch.namedInstances === undefined ? {} : { namedInstances: patch.namedInstances }),
    ...(patch.jobInstances === undefined ? {} : { jobInstances: patch.jobInstances }),
    ...(patch.maxParallelTasks === undefined ? {} : { maxParallelTasks: patch.maxParallelTasks }),
    ...(patch.bridge === undefined ? {} : { bridge: patch.bridge }),
    ...(patch.hooks === undefined ? {} : { hooks: patch.hooks }),
    ...(patch.warm === undefined ? {} : { warm }),
    ...(patch.rollout === undefined ? {} : { rollout: patch.rollout }),
    ...(patch.rolloutGraceMs === undefined ? {} : { rolloutGraceMs: patch.rolloutGraceMs }),
    ...(patch.egress === undefined ? {} : { egress: patch.egress }),
  };
  const version = patch.version === undefined ? null : chooseVersion(db, row, patch.version);
  return { spec, version, activate: false };
}

/** What its load may ask for has to be possible. */
function requireRoom({ max }: Autoscaling, ceiling: number, patch: ApplicationPatch): void {
  if (max <= ceiling) return;
  const [field, fix] =
    patch.autoscaling == null
      ? ["max_instances", "lower autoscaling.max as well"]
      : ["autoscaling.max", "raise max_instances as well"];
  const reason = `autoscaling.max (${max}) must be at most max_instances (${ceiling}): ${fix}`;
  throw new GantryError("VALIDATE_INPUT", reason, { [field]: reason });
}

/** What is kept warm comes on top, and is not what a ceiling silently takes away. */
function requireRoomForWarm(warm: number, pool: number, most: number, patch: ApplicationPatch): void {
  if (warm === 0 || pool + warm <= Math.min(most, MAX_INSTANCES)) return;
  const others = patch.instances === undefined ? "max_instances" : "instances";
  const counted = patch.autoscaling == null ? others : "autoscaling.max";
  const field = patch.warm === undefined ? counted : "warm";
  const reason = tooManyWarm(warm, pool, most);
  throw new GantryError("VALIDATE_INPUT", `${field}: ${reason}`, { [field]: reason });
}

function withinBounds(instances: number, autoscaling: Autoscaling | null | undefined): number {
  return autoscaling == null ? instances : Math.min(autoscaling.max, Math.max(autoscaling.min, instances));
}

/** What is scaled by its load stays as its load has made it: a file says only how it begins. */
export function planPut(db: Database, row: ApplicationRow, { spec, version }: ApplicationPut): Change {
  const { namespaceId } = row.spec;
  const kept = namespaceId == null ? {} : { namespaceId };
  const isFollowed = spec.autoscaling != null && row.spec.autoscaling != null;
  const instances = withinBounds(isFollowed ? row.spec.instances : spec.instances, spec.autoscaling);
  return { spec: { ...spec, ...kept, instances }, version: chooseVersion(db, row, version), activate: true };
}

/** From here on `version` is what runs: the pass that follows begins to replace whatever differs from it. */
export function planActivate(db: Database, row: ApplicationRow, version: number): Change {
  const { version: number } = requireVersion(db, row, version);
  return { spec: row.spec, version: { number, insert: null }, activate: true };
}

export function requireVersion(db: Database, row: ApplicationRow, version: number): Version {
  const stored = getVersion(db, version);
  if (stored !== undefined) return stored;
  const known = listVersions(db)
    .slice(0, 10)
    .map((other) => other.version);
  const message = `application ${row.name}: version ${version} not found; the latest are ${known.join(", ")}`;
  throw new GantryError("VERSION_NOT_FOUND", message, { version });
}

export function applyDelete(db: Database, row: ApplicationRow, now: number): void {
  db.transaction(() => {
    const generation = row.generation + 1;
    writeApplication(db, { ...row, deleting: true, generation, observedGeneration: generation, updatedAt: now });
    appendEvents(db, [info("ApplicationDeleted", "deleting: every instance is being stopped", {})], now);
  });
}

function info(name: string, message: string, details: Record<string, string | number>): EventDraft {
  return { type: "Info", name, message, details };
}
