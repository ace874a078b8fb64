/**
 * Which application answers under a host name beside its own `<application>.<ingress domain>`. A name is claimed here
 * before the application's own write, and released when the application itself says that it has it no more: the rows may
 * say too much, never too little, and no two applications ever have one name.
 */
import type { Database, Row } from "../database.ts";
import { findApplication, type ApplicationEntry } from "./applications.ts";
import { CLAIM_MS } from "./references.ts";

export interface HostnameClaim {
  /** New for each write. */
  readonly id: string;
  readonly application: string;
  readonly hostnames: readonly string[];
}

/** Another application that a name belongs to. */
export interface HostnameHolder {
  readonly hostname: string;
  readonly application: string;
  /** Null when the account has no such application: its create did not get that far. */
  readonly name: string | null;
  /** A write of it is under way: asking it would come too early. */
  readonly isPending: boolean;
}

interface HostnameRow extends Row {
  hostname: string;
  application: string;
}

export function otherHolders(
  db: Database,
  { application, hostnames }: Omit<HostnameClaim, "id">,
  now: number,
): HostnameHolder[] {
  return hostnames.flatMap((hostname): HostnameHolder[] => {
    const row = db.one<HostnameRow>("SELECT * FROM hostnames WHERE hostname = ?", hostname);
    if (row === undefined || row.application === application) return [];
    const name = findApplication(db, row.application)?.name ?? null;
    return [{ hostname, application: row.application, name, isPending: isPending(db, row.application, now) }];
  });
}

/** Claims all of them, or, when one is another's, none: returns who has it. */
export function claimHostnames(db: Database, claim: HostnameClaim, now: number): HostnameHolder[] {
  const holders = otherHolders(db, claim, now);
  if (holders.length > 0) return holders;
  db.transaction(() => {
    if (db.one("SELECT 1 FROM claims WHERE at <= ?", now - CLAIM_MS) !== undefined) {
      db.run("DELETE FROM claims WHERE at <= ?", now - CLAIM_MS);
    }
    db.run("INSERT INTO claims VALUES (?, ?, ?)", claim.id, claimant(claim.application), now);
    for (const hostname of claim.hostnames) {
      db.run("INSERT INTO hostnames VALUES (?, ?) ON CONFLICT DO NOTHING", hostname, claim.application);
    }
  });
  return [];
}

/** Drops what the application has no more, unless a write of it is under way, which may be about to have it. */
export function dropHostnames(db: Database, application: string, kept: readonly string[], now: number): void {
  if (isPending(db, application, now)) return;
  for (const hostname of hostnamesOf(db, application)) {
    if (!kept.includes(hostname)) db.run("DELETE FROM hostnames WHERE hostname = ?", hostname);
  }
}

/** The application is gone. */
export function dropAllHostnames(db: Database, application: string): void {
  db.run("DELETE FROM hostnames WHERE application = ?", application);
}

export function hostnamesOf(db: Database, application: string): string[] {
  const sql = "SELECT * FROM hostnames WHERE application = ?";
  return db.all<HostnameRow>(sql, application).map(({ hostname }) => hostname);
}

export function findByHostname(db: Database, hostname: string): ApplicationEntry | null {
  const row = db.one<HostnameRow>("SELECT * FROM hostnames WHERE hostname = ?", hostname);
  return row === undefined ? null : findApplication(db, row.application);
}

function isPending(db: Database, application: string, now: number): boolean {
  const sql = "SELECT 1 FROM claims WHERE application = ? AND at > ?";
  return db.one(sql, claimant(application), now - CLAIM_MS) !== undefined;
}

/** Apart from its claims of what its configuration names: those say nothing about host names. */
function claimant(application: string): string {
  return `hostnames of ${application}`;
}
