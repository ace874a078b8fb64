/** The `deployments` table and its mapping to the planner's shape. */
import type { Database, Row } from "../../database.ts";
import type { SlotAttempt } from "../../jobs/job.ts";
import type { CheckState } from "../check-state.ts";
import type { PlacementRecord } from "../placement/placing.ts";
import type { Deployment, DeploymentPhase, Outcome } from "../plan/deployment.ts";
import type { Override } from "../start/choice.ts";
import type { StoredSnapshot } from "../start/snapshots.ts";

interface DeploymentRow extends Row {
  id: string;
  slot: number;
  created_at: number;
  phase: string;
  ready: number;
  generation: number;
  version: number;
  since: number;
  ready_at: number | null;
  failures: number;
  losses: number;
  next_start_at: number;
  stop_reason: string | null;
  last: string | null;
  held: number;
  cordoned: number;
  detail: string | null;
  checks: string | null;
  location: string | null;
  placement: string | null;
  name: string | null;
  asleep: number;
  override: string | null;
  snapshots: string | null;
  stop_signal: number | null;
  attempt: string | null;
  parked_until: number | null;
  revision: string | null;
}

export function listDeployments(db: Database): Deployment[] {
  return db.all<DeploymentRow>("SELECT * FROM deployments ORDER BY slot, id").map(toDeployment);
}

export function deleteDeployment(db: Database, id: string): void {
  db.run("DELETE FROM deployments WHERE id = ?", id);
}

export function insertDeployment(db: Database, deployment: Deployment): void {
  const values = toValues(deployment);
  db.run(`INSERT INTO deployments VALUES (${values.map(() => "?").join(", ")})`, ...values);
}

export function updateDeployment(db: Database, deployment: Deployment): void {
  const [id, ...rest] = toValues(deployment);
  db.run(
    `UPDATE deployments SET slot = ?, created_at = ?, phase = ?, ready = ?, generation = ?, version = ?, since = ?,
      ready_at = ?, failures = ?, losses = ?, next_start_at = ?, stop_reason = ?, last = ?, held = ?, cordoned = ?,
      detail = ?, checks = ?, location = ?, placement = ?, name = ?, asleep = ?, override = ?, snapshots = ?,
      stop_signal = ?, attempt = ?, parked_until = ?, revision = ? WHERE id = ?`,
    ...rest,
    id,
  );
}

function toValues(d: Deployment): [string, ...(string | number | null)[]] {
  return [
    d.id,
    d.slot,
    d.createdAt,
    d.phase,
    d.ready ? 1 : 0,
    d.generation,
    d.version,
    d.since,
    d.readyAt,
    d.failures,
    d.losses,
    d.nextStartAt,
    d.stopReason,
    d.last === null ? null : JSON.stringify(d.last),
    d.held ? 1 : 0,
    d.cordoned ? 1 : 0,
    d.detail ?? null,
    d.checks === undefined ? null : JSON.stringify(d.checks),
    d.location ?? null,
    d.placement === undefined ? null : JSON.stringify(d.placement),
    d.name ?? null,
    d.isAsleep === true ? 1 : 0,
    d.override === undefined ? null : JSON.stringify(d.override),
    d.snapshots === undefined ? null : JSON.stringify(d.snapshots),
    d.stopSignal ?? null,
    d.attempt === undefined ? null : JSON.stringify(d.attempt),
    d.parkedUntil ?? null,
    d.revision ?? null,
  ];
}

function toDeployment(row: DeploymentRow): Deployment {
  return {
    id: row.id,
    slot: row.slot,
    createdAt: row.created_at,
    // Written by `toValues` only, so these texts are of the types that they came from.
    phase: row.phase as DeploymentPhase,
    ready: row.ready === 1,
    generation: row.generation,
    version: row.version,
    since: row.since,
    readyAt: row.ready_at,
    failures: row.failures,
    losses: row.losses,
    nextStartAt: row.next_start_at,
    stopReason: row.stop_reason,
    last: row.last === null ? null : (JSON.parse(row.last) as Outcome),
    held: row.held === 1,
    cordoned: row.cordoned === 1,
    ...(row.detail === null ? {} : { detail: row.detail }),
    ...(row.checks === null ? {} : { checks: JSON.parse(row.checks) as CheckState[] }),
    ...(row.location === null ? {} : { location: row.location }),
    ...(row.placement === null ? {} : { placement: JSON.parse(row.placement) as PlacementRecord }),
    ...(row.name === null ? {} : { name: row.name }),
    ...(row.asleep === 1 ? { isAsleep: true } : {}),
    ...(row.override === null ? {} : { override: JSON.parse(row.override) as Override }),
    ...(row.snapshots === null ? {} : { snapshots: JSON.parse(row.snapshots) as StoredSnapshot[] }),
    ...(row.stop_signal === null ? {} : { stopSignal: row.stop_signal }),
    ...(row.parked_until === null ? {} : { parkedUntil: row.parked_until }),
    ...(row.revision === null ? {} : { revision: row.revision }),
    ...(row.attempt === null ? {} : { attempt: JSON.parse(row.attempt) as SlotAttempt }),
  };
}
