/**
 * A write to an application's specification: which version it means, whether it changes anything, and its rows. The
 * decision is apart from the writing, so that a dry run and the write that follows it cannot differ.
 */
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { sameConfiguration, type StoredConfiguration } from "./configurations.ts";
import { describeEgress } from "../egress/policy/describe.ts";
import { appendEvents, type EventDraft } from "./events.ts";
import { canonical } from "./launch-spec.ts";
import { sameMark, type RolloutMark } from "./rollouts/mark.ts";
import { getVersion, insertVersion, listVersions, writeApplication } from "./storage/application-row.ts";
import type { ApplicationRow, ApplicationSpec } from "./storage/application-row.ts";

export interface NewConfiguration {
  readonly configuration: StoredConfiguration;
  readonly revision: string;
  /** The version that it was made from. Another one since then: `VERSION_MOVED`. */
  readonly base?: number;
}

export interface VersionChoice {
  readonly number: number;
  /** Null when it is stored already. */
  readonly insert: NewConfiguration | null;
}

export interface Change {
  readonly spec: ApplicationSpec;
  readonly version: VersionChoice | null;
  /** The version becomes the one that runs. */
  readonly activate: boolean;
  /** Of the rollout that does it; null: nothing is under way any more. Absent: that stays as it is. */
  readonly mark?: RolloutMark | null;
}

/** The newest version when it says the same, else one more. `orActive`: what runs is as good. */
export function chooseVersion(
  db: Database,
  row: ApplicationRow,
  wanted: NewConfiguration,
  orActive = false,
): VersionChoice {
  const newest = listVersions(db)[0];
  if (wanted.base !== undefined && newest !== undefined && newest.version !== wanted.base) {
    const message = `application ${row.name}: version ${newest.version} was stored meanwhile`;
    throw new GantryError("VERSION_MOVED", message, { version: newest.version });
  }
  const active = orActive ? getVersion(db, row.activeVersion) : undefined;
  const same = [active, newest].find(
    (version) => version !== undefined && sameConfiguration(version.configuration, wanted.configuration),
  );
  if (same !== undefined) return { number: same.version, insert: null };
  return { number: (newest?.version ?? 0) + 1, insert: wanted };
}

export function isChange(row: ApplicationRow, { spec, version, activate, mark }: Change): boolean {
  if (mark !== undefined && !sameMark(mark, row.rollout ?? null)) return true;
  const isVersion = version !== null && (version.insert !== null || (activate && version.number !== row.activeVersion));
  return isVersion || !sameSpec(spec, row.spec);
}

function sameSpec(a: ApplicationSpec, b: ApplicationSpec): boolean {
  return identity(a) === identity(b);
}

/** What a field that is left out means. */
const SAID_BY_NOTHING = {
  logs: null,
  namespaceId: null,
  constraints: null,
  colocation: null,
  priority: 0,
  isPreemptible: true,
  namedInstances: 0,
  jobInstances: 0,
  maxParallelTasks: null,
  warm: 0,
  autoscaling: null,
  rollout: null,
  rolloutGraceMs: 0,
  bridge: null,
  hooks: null,
  hostnames: [],
  egress: null,
};

function identity(spec: ApplicationSpec): string {
  return canonical({ ...SAID_BY_NOTHING, ...spec });
}

/** The row as it is after the change. */
export function changedRow(row: ApplicationRow, change: Change, now: number): ApplicationRow {
  const { spec, version, activate, mark } = change;
  const generation = row.generation + 1;
  const activeVersion = activate && version !== null ? version.number : row.activeVersion;
  const { rollout, ...rest } = row;
  const kept = mark === undefined ? rollout : (mark ?? undefined);
  return {
    ...rest,
    ...(kept === undefined ? {} : { rollout: kept }),
    spec,
    activeVersion,
    generation,
    observedGeneration: generation,
    updatedAt: now,
  };
}

/** Nothing is written when nothing changes. `within`: more rows of the same transaction. */
export function applyChange(
  db: Database,
  row: ApplicationRow,
  change: Change,
  now: number,
  within: () => void = () => undefined,
): ApplicationRow {
  if (!isChange(row, change)) {
    db.transaction(within);
    return row;
  }
  const next = changedRow(row, change, now);
  return db.transaction(() => {
    const { version } = change;
    if (version !== null && version.insert !== null) {
      const { configuration, revision } = version.insert;
      insertVersion(db, { version: version.number, configuration, revision, createdAt: now });
    }
    writeApplication(db, next);
    appendEvents(db, eventsOf(row, next, change), now);
    within();
    return next;
  });
}

function eventsOf(row: ApplicationRow, next: ApplicationRow, { version }: Change): EventDraft[] {
  const events: EventDraft[] = [];
  if (next.spec.instances !== row.spec.instances) {
    const [from, to] = [row.spec.instances, next.spec.instances];
    events.push(info("ApplicationScaled", `scaled from ${from} to ${to} instances`, { from, to }));
  }
  if (canonical(next.spec.egress ?? null) !== canonical(row.spec.egress ?? null)) {
    events.push(info("EgressChanged", `egress: ${describeEgress(next.spec.egress ?? null)}`, {}));
  }
  if (version !== null && version.insert !== null) {
    const isActive = next.activeVersion === version.number;
    const message = `version ${version.number} stored${isActive ? "" : `; version ${next.activeVersion} is active`}`;
    events.push(info("VersionCreated", message, { version: version.number }));
  }
  if (next.activeVersion !== row.activeVersion) {
    const [from, to] = [row.activeVersion, next.activeVersion];
    events.push(info("VersionActivated", `version ${to} is active, ${from} was`, { from, to }));
  }
  return events;
}

function info(name: string, message: string, details: Record<string, string | number>): EventDraft {
  return { type: "Info", name, message, details };
}
