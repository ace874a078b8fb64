/**
 * What an Instance keeps of its current or last placement: one row, so that each change costs one. The environment is
 * not in it; the revision digest stands for all that was started.
 */
import type { Database } from "../database.ts";
import type { LaunchOrder } from "../orchestrator/scheduler.ts";
import type { ProbeSpec } from "../orchestrator/launch-spec.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import type { Migration } from "../migrations.ts";
import { TIMERS_SCHEMA } from "../timers.ts";
import type { Ending } from "./exit.ts";

export type RunPhase = "starting" | "running" | "stopping" | "ended";

export interface RunRecord {
  readonly applicationId: string;
  readonly deploymentId: string;
  readonly generation: number;
  readonly revision: string;
  readonly checkEveryMs: number;
  readonly port: number;
  readonly probes: readonly ProbeSpec[];
  readonly implicitPort: boolean;
  readonly phase: RunPhase;
  readonly ready: boolean;
  /** Something answered on a port once, so that silence later means something. */
  readonly listens: boolean;
  /** Why it is not ready, as the first failing check said when that began. */
  readonly detail: string | null;
  readonly startedAt: number;
  readonly stopReason: string | null;
  readonly ending: Ending | null;
}

export const INSTANCE_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_run",
    sql: `CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL);
${TIMERS_SCHEMA}`,
  },
];

export function readRecord(db: Database): RunRecord | null {
  const row = db.one<{ record: string }>("SELECT record FROM run");
  // Written by `writeRecord` only.
  return row === undefined ? null : (JSON.parse(row.record) as RunRecord);
}

export function writeRecord(db: Database, record: RunRecord): void {
  db.run(
    "INSERT INTO run (id, record) VALUES (1, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
    JSON.stringify(record),
  );
}

export function newRecord(order: LaunchOrder, now: number): RunRecord {
  return {
    applicationId: order.applicationId,
    deploymentId: order.deploymentId,
    generation: order.generation,
    revision: order.revision,
    checkEveryMs: order.checkEveryMs,
    port: order.spec.port,
    probes: order.spec.probes,
    implicitPort: order.spec.implicitPort,
    phase: "starting",
    ready: false,
    listens: false,
    detail: null,
    startedAt: now,
    stopReason: null,
    ending: null,
  };
}

/** A placement that was stopped before it was ever launched: a launch that comes late finds its end already written. */
export function tombstone(deploymentId: string, generation: number, reason: string): RunRecord {
  return {
    applicationId: "",
    deploymentId,
    generation,
    revision: "",
    checkEveryMs: 0,
    port: 0,
    probes: [],
    implicitPort: false,
    phase: "ended",
    ready: false,
    listens: false,
    detail: null,
    startedAt: 0,
    stopReason: reason,
    ending: { kind: "stopped", exitCode: null, reason },
  };
}

export function reportOf(record: RunRecord): Report {
  switch (record.phase) {
    case "starting": {
      return { state: "starting" };
    }
    case "running": {
      return { state: "running", ready: record.ready, ...(record.detail === null ? {} : { detail: record.detail }) };
    }
    case "stopping": {
      return { state: "stopping" };
    }
    case "ended": {
      return { state: "ended", outcome: record.ending ?? { kind: "lost", exitCode: null, reason: "Unknown" } };
    }
  }
}
