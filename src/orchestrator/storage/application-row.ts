/** The one row of the `application` table, and its versions. */
import type { IngressMode } from "../../api/schemas/application.ts";
import type { Load } from "../../account/capacity/load.ts";
import type { Database, Row } from "../../database.ts";
import { Remembered } from "../../remembered.ts";
import type { EgressPolicy } from "../../egress/policy/policy.ts";
import type { Autoscaling } from "../autoscaling/policy.ts";
import type { StoredConfiguration } from "../configurations.ts";
import type { Constraints } from "../placement/location.ts";
import type { BlockedReason } from "../placement/placing.ts";
import type { RolloutMark } from "../rollouts/mark.ts";
import type { RolloutPolicy } from "../rollouts/rollout.ts";
import type { Sharding } from "../shards/sharding.ts";

/** What the user asked for beside the versioned configuration. These act at once. */
export interface ApplicationSpec {
  readonly instances: number;
  readonly maxInstances: number | null;
  readonly ingress: IngressMode;
  /** Names under which ingress reaches it beside its own. */
  readonly hostnames?: readonly string[];
  readonly checkEveryMs: number;
  /** Whether events go to the Worker's log as well; null: as the configuration says. */
  readonly logs?: boolean | null;
  /** The Durable Object namespace that it belongs to. Given when it is created, for good. */
  readonly namespaceId?: string | null;
  /** Where its instances may run; null: anywhere. */
  readonly constraints?: PlacementConstraints | null;
  /** What they are to be near; null: nothing. */
  readonly colocation?: Colocation | null;
  /** Higher goes first where capacity is short; 0 when it says nothing. */
  readonly priority?: number;
  /** False: its instances are not stopped for a higher priority. */
  readonly isPreemptible?: boolean;
  /** Most instances at a time that run because somebody calls them by name; 0 when it says nothing. */
  readonly namedInstances?: number;
  /** Most attempts of jobs at a time; 0 when it says nothing. */
  readonly jobInstances?: number;
  /** Most tasks posted to its pool at a time; null, or nothing: the default. */
  readonly maxParallelTasks?: number | null;
  /** The Worker that its containers may call; null: none. */
  readonly bridge?: WorkerBinding | null;
  /** The Worker that hears of its containers; null: none. */
  readonly hooks?: WorkerBinding | null;
  /** Members of the pool that are kept started beyond `instances`; 0 when it says nothing. */
  readonly warm?: number;
  /** `instances` follows the load, and is what it comes to at present. */
  readonly autoscaling?: Autoscaling | null;
  /** How its rollouts replace instances, where they do not say it; null, or what is left out: the default. */
  readonly rollout?: Partial<RolloutPolicy> | null;
  /** Who takes traffic for less than this is not replaced by a rollout; 0 when it says nothing. */
  readonly rolloutGraceMs?: number;
  /** What its containers may reach; null: nothing outside. */
  readonly egress?: EgressPolicy | null;
}

export interface PlacementConstraints extends Constraints {
  /** Regions and jurisdiction are verified inside the container before it takes traffic. */
  readonly isVerified?: boolean;
}

/** By the name of a service binding of the control plane. */
export interface WorkerBinding {
  readonly binding: string;
}

/** `datacenter`: each other. Else another application, by id or name. */
export type Colocation = "datacenter" | { readonly application: string };

/** Why instances that are wanted cannot be placed, and since when. */
export interface Blocked {
  readonly reason: BlockedReason;
  readonly since: number;
  /** What one more would have needed beyond what was left, by resource. */
  readonly shortfall?: Partial<Load>;
}

/** `deployment`: a standalone one, whose one slot and id stay for its whole life. */
export type ApplicationKind = "application" | "deployment";

export interface ApplicationRow {
  readonly id: string;
  readonly kind: ApplicationKind;
  readonly accountId: string;
  readonly name: string;
  readonly spec: ApplicationSpec;
  readonly activeVersion: number;
  /** Grows with every change of the specification; `observedGeneration` follows after a pass over it was saved. */
  readonly generation: number;
  readonly observedGeneration: number;
  readonly deleting: boolean;
  /** The boot of workerd whose containers the rows speak of; empty where containers outlive it. */
  readonly session: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly blocked?: Blocked | null;
  /** The account's capacity is limited: nothing begins without having been granted. */
  readonly isLimited?: boolean;
  /** Absent where the application has one object, which is nearly always. */
  readonly sharding?: Sharding;
  /** Of the rollout that is under way. */
  readonly rollout?: RolloutMark;
  /** The version that a rollout has brought to its end, or gone back to, and that has served. Absent: none is known. */
  readonly stableVersion?: number;
}

export interface Version {
  readonly version: number;
  readonly configuration: StoredConfiguration;
  /** Digest of the launch spec that this configuration gives. */
  readonly revision: string;
  readonly createdAt: number;
}

interface StoredApplication extends Row {
  id: string;
  account_id: string;
  name: string;
  spec: string;
  active_version: number;
  generation: number;
  observed_generation: number;
  deleting: number;
  session: string;
  created_at: number;
  updated_at: number;
  kind: string;
  blocked: string | null;
  limited: number;
  sharding: string | null;
  rollout: string | null;
  stable_version: number | null;
}

interface StoredVersion extends Row {
  version: number;
  configuration: string;
  revision: string;
  created_at: number;
}

const remembered = new Remembered(read);

export function readApplication(db: Database): ApplicationRow | undefined {
  return remembered.get(db);
}

function read(db: Database): ApplicationRow | undefined {
  const row = db.one<StoredApplication>("SELECT * FROM application");
  if (row === undefined) return undefined;
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    spec: JSON.parse(row.spec) as ApplicationSpec,
    activeVersion: row.active_version,
    generation: row.generation,
    observedGeneration: row.observed_generation,
    deleting: row.deleting === 1,
    session: row.session,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    // Written by `writeApplication` only.
    kind: row.kind as ApplicationKind,
    ...(row.blocked === null ? {} : { blocked: JSON.parse(row.blocked) as Blocked }),
    ...(row.limited === 1 ? { isLimited: true } : {}),
    ...(row.stable_version === null ? {} : { stableVersion: row.stable_version }),
    ...(row.rollout === null ? {} : { rollout: JSON.parse(row.rollout) as RolloutMark }),
    ...(row.sharding === null ? {} : { sharding: JSON.parse(row.sharding) as Sharding }),
  };
}

export function writeApplication(db: Database, row: ApplicationRow): void {
  remembered.forget(db);
  db.run(
    `INSERT INTO application VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
      name = excluded.name, spec = excluded.spec, active_version = excluded.active_version,
      generation = excluded.generation, observed_generation = excluded.observed_generation,
      deleting = excluded.deleting, session = excluded.session, updated_at = excluded.updated_at,
      blocked = excluded.blocked, limited = excluded.limited, sharding = excluded.sharding, rollout = excluded.rollout,
      stable_version = excluded.stable_version`,
    row.id,
    row.accountId,
    row.name,
    JSON.stringify(row.spec),
    row.activeVersion,
    row.generation,
    row.observedGeneration,
    row.deleting ? 1 : 0,
    row.session,
    row.createdAt,
    row.updatedAt,
    row.kind,
    row.blocked == null ? null : JSON.stringify(row.blocked),
    row.isLimited === true ? 1 : 0,
    row.sharding === undefined ? null : JSON.stringify(row.sharding),
    row.rollout === undefined ? null : JSON.stringify(row.rollout),
    row.stableVersion ?? null,
  );
}

export function insertVersion(db: Database, version: Version): void {
  db.run(
    "INSERT INTO versions VALUES (?, ?, ?, ?)",
    version.version,
    JSON.stringify(version.configuration),
    version.revision,
    version.createdAt,
  );
}

export function listVersions(db: Database): Version[] {
  return db.all<StoredVersion>("SELECT * FROM versions ORDER BY version DESC").map(toVersion);
}

export function getVersion(db: Database, version: number): Version | undefined {
  const row = db.one<StoredVersion>("SELECT * FROM versions WHERE version = ?", version);
  return row === undefined ? undefined : toVersion(row);
}

function toVersion(row: StoredVersion): Version {
  return {
    version: row.version,
    // Validated before it was stored; the schema only ever gains optional fields.
    configuration: JSON.parse(row.configuration) as StoredConfiguration,
    revision: row.revision,
    createdAt: row.created_at,
  };
}
