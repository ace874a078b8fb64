/** The claims of applications on an account's capacity: one row per application and location. */
import type { Database, Row } from "../../database.ts";
import { add, NO_LOAD, sameLoad, type Load } from "./load.ts";
import type { Claim, Taken } from "./queue.ts";

export const CAPACITY_SCHEMA = `
CREATE TABLE capacity_claims (
  application TEXT NOT NULL,
  location TEXT NOT NULL,
  instances INTEGER NOT NULL,
  vcpu REAL NOT NULL,
  memory_mib INTEGER NOT NULL,
  disk_mb INTEGER NOT NULL,
  more INTEGER NOT NULL,
  size TEXT NOT NULL,
  priority INTEGER NOT NULL,
  preemptible INTEGER NOT NULL,
  arrival INTEGER,
  number INTEGER NOT NULL,
  PRIMARY KEY (application, location)
) WITHOUT ROWID;
CREATE TABLE capacity_unknown (
  application TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE capacity_in_force (
  since INTEGER PRIMARY KEY
);`;

interface ClaimRow extends Row {
  application: string;
  location: string;
  instances: number;
  vcpu: number;
  memory_mib: number;
  disk_mb: number;
  more: number;
  size: string;
  priority: number;
  preemptible: number;
  arrival: number | null;
  number: number;
}

const COLUMNS =
  "application, location, instances, vcpu, memory_mib, disk_mb, more, size, priority, preemptible, arrival, number";

export function claimsOf(db: Database, application: string): (Claim & { readonly number: number })[] {
  return db
    .all<ClaimRow>(`SELECT ${COLUMNS} FROM capacity_claims WHERE application = ?`, application)
    .map((row) => ({ ...toClaim(row), number: row.number }));
}

/** Those that want more than they have. */
export function waitingClaims(db: Database): Claim[] {
  return db.all<ClaimRow>(`SELECT ${COLUMNS} FROM capacity_claims WHERE more > 0`).map(toClaim);
}

/** Those that run something and may be stopped for a priority above theirs. */
export function preemptibleClaims(db: Database, below: number): Claim[] {
  return db
    .all<ClaimRow>(
      `SELECT ${COLUMNS} FROM capacity_claims WHERE instances > 0 AND preemptible = 1 AND priority < ?`,
      below,
    )
    .map(toClaim);
}

export function taken(db: Database): Taken {
  const rows = db.all<Pick<ClaimRow, "location" | "instances" | "vcpu" | "memory_mib" | "disk_mb">>(
    `SELECT location, SUM(instances) AS instances, SUM(vcpu) AS vcpu, SUM(memory_mib) AS memory_mib,
      SUM(disk_mb) AS disk_mb FROM capacity_claims GROUP BY location`,
  );
  const locations = new Map(rows.map((row) => [row.location, loadIn(row)]));
  return { total: [...locations.values()].reduce(add, NO_LOAD), locations };
}

export function lastArrival(db: Database): number {
  return db.one<{ last: number | null }>("SELECT MAX(arrival) AS last FROM capacity_claims")?.last ?? 0;
}

/** Writes nothing when it says what is stored, whatever the number. */
export function putClaim(db: Database, before: Claim | undefined, claim: Claim, number: number): void {
  const { application, location, load, more, size, priority, arrival, isPreemptible } = claim;
  if (load.instances === 0 && more === 0) {
    db.run("DELETE FROM capacity_claims WHERE application = ? AND location = ?", application, location);
    return;
  }
  if (before !== undefined && isSame(before, claim)) return;
  db.run(
    `INSERT OR REPLACE INTO capacity_claims (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    application,
    location,
    load.instances,
    load.vcpu,
    load.memoryMib,
    load.diskMb,
    more,
    JSON.stringify(size),
    priority,
    isPreemptible ? 1 : 0,
    arrival,
    number,
  );
}

/** The application and everything that it ran are gone. */
export function removeClaims(db: Database, application: string): void {
  db.run("DELETE FROM capacity_claims WHERE application = ?", application);
  db.run("DELETE FROM capacity_unknown WHERE application = ?", application);
}

/** Since when the account's capacity is limited; null when it is not. */
export function inForceSince(db: Database): number | null {
  return db.one<{ since: number }>("SELECT since FROM capacity_in_force")?.since ?? null;
}

/** From here on nothing is granted before every application that exists has said what it runs. */
export function enforce(db: Database, now: number): void {
  db.run("INSERT OR REPLACE INTO capacity_in_force VALUES (?)", now);
  db.run("INSERT OR REPLACE INTO capacity_unknown SELECT id, ? FROM applications", now);
}

export function lift(db: Database): void {
  for (const table of ["capacity_in_force", "capacity_unknown", "capacity_claims"]) db.run(`DELETE FROM ${table}`);
}

/** Applications that may run what no claim covers. */
export function unknownApplications(db: Database): { readonly application: string; readonly since: number }[] {
  return db.all<{ application: string; since: number }>("SELECT application, since FROM capacity_unknown");
}

export function becomeKnown(db: Database, application: string): void {
  db.run("DELETE FROM capacity_unknown WHERE application = ?", application);
}

function isSame(a: Claim, b: Claim): boolean {
  return (
    sameLoad(a.load, b.load) &&
    a.more === b.more &&
    a.priority === b.priority &&
    a.arrival === b.arrival &&
    a.isPreemptible === b.isPreemptible &&
    // The size of one more matters only to who waits for it.
    (a.more === 0 || sameLoad(a.size, b.size))
  );
}

function toClaim(row: ClaimRow): Claim {
  return {
    application: row.application,
    location: row.location,
    load: loadIn(row),
    more: row.more,
    // Written by `putClaim` only.
    size: JSON.parse(row.size) as Load,
    priority: row.priority,
    arrival: row.arrival,
    isPreemptible: row.preemptible === 1,
  };
}

function loadIn(row: Pick<ClaimRow, "instances" | "vcpu" | "memory_mib" | "disk_mb">): Load {
  return add({ instances: row.instances, vcpu: row.vcpu, memoryMib: row.memory_mib, diskMb: row.disk_mb }, NO_LOAD);
}
