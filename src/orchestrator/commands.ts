/** What users' writes do to an application's rows: create, patch, delete. Synchronous; a pass follows in the same turn. */
import type { Configuration } from "../api/schemas/configuration.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { appendEvents, type EventDraft } from "./events.ts";
import {
  getVersion,
  insertVersion,
  listVersions,
  writeApplication,
  type ApplicationKind,
  type ApplicationRow,
  type ApplicationSpec,
} from "./storage/application-row.ts";

export interface NewApplication {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** `application` unless said otherwise. A `deployment` has exactly one instance. */
  readonly kind?: ApplicationKind;
  readonly spec: ApplicationSpec;
  readonly configuration: Configuration;
  readonly revision: string;
}

export interface ApplicationPatch {
  readonly instances?: number;
  readonly maxInstances?: number;
  readonly ingress?: ApplicationSpec["ingress"];
  readonly checkEveryMs?: number;
  readonly version?: { readonly configuration: Configuration; readonly revision: string };
}

export function applyCreate(db: Database, input: NewApplication, session: string, now: number): void {
  db.transaction(() => {
    writeApplication(db, {
      id: input.id,
      accountId: input.accountId,
      name: input.name,
      kind: input.kind ?? "application",
      spec: input.spec,
      activeVersion: 1,
      generation: 1,
      // The pass over it follows in the same turn, whose writes are kept together or not at all.
      observedGeneration: 1,
      deleting: false,
      session,
      createdAt: now,
      updatedAt: now,
    });
    insertVersion(db, { version: 1, configuration: input.configuration, revision: input.revision, createdAt: now });
    const message = `created with ${input.spec.instances} instances of ${input.configuration.image}`;
    appendEvents(db, [info("ApplicationCreated", message, { instances: input.spec.instances })], now);
  });
}

export function applyPatch(db: Database, row: ApplicationRow, patch: ApplicationPatch, now: number): void {
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
  const spec: ApplicationSpec = {
    // Lowering the ceiling reduces what runs.
    instances: Math.min(patch.instances ?? row.spec.instances, ceiling),
    maxInstances,
    ingress: patch.ingress ?? row.spec.ingress,
    checkEveryMs: patch.checkEveryMs ?? row.spec.checkEveryMs,
  };
  const events: EventDraft[] = [];
  if (spec.instances !== row.spec.instances) {
    const message = `scaled from ${row.spec.instances} to ${spec.instances} instances`;
    events.push(info("ApplicationScaled", message, { from: row.spec.instances, to: spec.instances }));
  }
  const versions = patch.version === undefined ? [] : listVersions(db);
  const isNewVersion = patch.version !== undefined && versions[0]?.revision !== patch.version.revision;
  const isChanged = JSON.stringify(spec) !== JSON.stringify(row.spec);
  if (!isChanged && !isNewVersion) return;
  db.transaction(() => {
    if (patch.version !== undefined && isNewVersion) {
      const version = (versions[0]?.version ?? 0) + 1;
      insertVersion(db, { version, ...patch.version, createdAt: now });
      events.push(info("VersionCreated", `version ${version} stored; version ${row.activeVersion} runs`, { version }));
    }
    const generation = row.generation + 1;
    writeApplication(db, { ...row, spec, generation, observedGeneration: generation, updatedAt: now });
    appendEvents(db, events, now);
  });
}

/** From here on `version` is what runs: the pass that follows begins to replace whatever differs from it. */
export function applyActivate(db: Database, row: ApplicationRow, version: number, now: number): void {
  if (version === row.activeVersion) return;
  if (getVersion(db, version) === undefined) {
    const known = listVersions(db)
      .slice(0, 10)
      .map((stored) => stored.version);
    const message = `application ${row.name}: version ${version} not found; the latest are ${known.join(", ")}`;
    throw new GantryError("VERSION_NOT_FOUND", message, { version });
  }
  db.transaction(() => {
    const generation = row.generation + 1;
    writeApplication(db, {
      ...row,
      activeVersion: version,
      generation,
      observedGeneration: generation,
      updatedAt: now,
    });
    const message = `version ${version} is active, ${row.activeVersion} was`;
    appendEvents(db, [info("VersionActivated", message, { from: row.activeVersion, to: version })], now);
  });
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
