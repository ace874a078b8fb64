/**
 * Addresses of instances: which deployment has which. An address is given before a container is started, by the
 * deployment's id, so that a try that was cut off finds what it was given; the table's keys keep it from having two
 * owners. It stays with the deployment until that is gone.
 *
 * `predefined` addresses go back to where they came from; an `account` one stays the account's, for the next that asks.
 */
import { chooseOffset, type AddressRange, type AddressType } from "../address-range.ts";
import { hashOf } from "../hash.ts";
import type { AddressStrategy } from "../api/schemas/network.ts";
import type { Database, Row } from "../database.ts";
import type { InstanceNetwork } from "../orchestrator/network.ts";

export interface PortRange {
  readonly start: number;
  readonly end: number;
}

export interface AddressRequest {
  readonly application: string;
  readonly deployment: string;
  readonly network: InstanceNetwork;
  /** Ports that can be reached at the address. */
  readonly ports: readonly PortRange[];
}

export interface Addresses {
  readonly v4: string | null;
  readonly v6: string | null;
}

export interface Address {
  readonly address: string;
  readonly type: AddressType;
  readonly strategy: AddressStrategy;
  readonly application: string | null;
  readonly deployment: string | null;
  readonly ports: readonly PortRange[];
  readonly writtenAt: number;
}

export type Allocation =
  | { readonly outcome: "allocated"; readonly addresses: Addresses }
  /** The account's blocks of this type are used up. */
  | { readonly outcome: "short"; readonly type: AddressType };

export interface Block {
  readonly prefix: string;
  readonly range: AddressRange;
}

interface AddressRow extends Row {
  address: string;
  type: AddressType;
  strategy: AddressStrategy;
  application: string | null;
  deployment: string | null;
  ports: string | null;
  written_at: number;
}

/** Gives a deployment the addresses that its network asks for. Asking again changes nothing. One transaction. */
export function allocate(db: Database, request: AddressRequest, blocks: readonly Block[], now: number): Allocation {
  return db.transaction((): Allocation => {
    const found: Record<AddressType, string | null> = { v4: null, v6: null };
    for (const type of ["v4", "v6"] as const) {
      const strategy = type === "v4" ? request.network.ipv4 : request.network.ipv6;
      const current = ofDeployment(db, request.deployment).find((row) => row.type === type);
      if (strategy === "none") {
        if (current !== undefined) giveBack(db, current, now);
        continue;
      }
      const address = current?.address ?? choose(db, request, type, strategy, blocks);
      if (address === null) return { outcome: "short", type };
      keep(db, current, { address, type, strategy, request }, now);
      found[type] = address;
    }
    return { outcome: "allocated", addresses: found };
  });
}

function choose(
  db: Database,
  { deployment }: AddressRequest,
  type: AddressType,
  strategy: AddressStrategy,
  blocks: readonly Block[],
): string | null {
  if (strategy === "account") {
    const sql = "SELECT * FROM addresses WHERE deployment IS NULL AND type = ? ORDER BY address LIMIT 1";
    const kept = db.one<AddressRow>(sql, type);
    if (kept !== undefined) return kept.address;
  }
  const seed = hashOf(deployment);
  for (const { prefix, range } of blocks.filter((block) => block.range.type === type)) {
    const isTaken = (offset: number) => findAddress(db, range.addressOf(prefix, offset)) !== null;
    const offset = chooseOffset(range.maxOffset, seed, isTaken);
    if (offset !== null) return range.addressOf(prefix, offset);
  }
  return null;
}

interface Choice {
  readonly address: string;
  readonly type: AddressType;
  readonly strategy: AddressStrategy;
  readonly request: AddressRequest;
}

function keep(db: Database, current: AddressRow | undefined, choice: Choice, now: number): void {
  const { address, type, strategy, request } = choice;
  const ports = JSON.stringify(request.ports);
  if (current !== undefined && current.ports === ports && current.strategy === strategy) return;
  db.run(
    `INSERT INTO addresses VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET strategy = excluded.strategy,
      application = excluded.application, deployment = excluded.deployment, ports = excluded.ports,
      written_at = excluded.written_at`,
    address,
    type,
    strategy,
    request.application,
    request.deployment,
    ports,
    now,
  );
}

export function releaseAddresses(db: Database, deployment: string, now: number): void {
  for (const row of ofDeployment(db, deployment)) giveBack(db, row, now);
}

export function releaseOfApplication(db: Database, application: string, now: number): void {
  for (const row of db.all<AddressRow>("SELECT * FROM addresses WHERE application = ?", application)) {
    giveBack(db, row, now);
  }
}

function giveBack(db: Database, { address, strategy }: AddressRow, now: number): void {
  if (strategy === "account") {
    const sql =
      "UPDATE addresses SET application = NULL, deployment = NULL, ports = NULL, written_at = ? WHERE address = ?";
    db.run(sql, now, address);
  } else db.run("DELETE FROM addresses WHERE address = ?", address);
}

export function findAddress(db: Database, address: string): Address | null {
  const row = db.one<AddressRow>("SELECT * FROM addresses WHERE address = ?", address);
  return row === undefined ? null : toAddress(row);
}

export function listAddresses(db: Database): Address[] {
  return db.all<AddressRow>("SELECT * FROM addresses ORDER BY type, address").map(toAddress);
}

/** Applications that have addresses. */
export function addressedApplications(db: Database): string[] {
  const sql = "SELECT DISTINCT application FROM addresses WHERE application IS NOT NULL";
  return db.all<{ application: string }>(sql).map(({ application }) => application);
}

/** Frees what belongs to deployments that an application, asked at `askedAt`, does not have. */
export function releaseGone(
  db: Database,
  application: string,
  deployments: ReadonlySet<string>,
  askedAt: number,
  now: number,
): void {
  for (const row of db.all<AddressRow>("SELECT * FROM addresses WHERE application = ?", application)) {
    const isGone = row.deployment !== null && !deployments.has(row.deployment);
    if (isGone && row.written_at < askedAt) giveBack(db, row, now);
  }
}

function ofDeployment(db: Database, deployment: string): AddressRow[] {
  return db.all<AddressRow>("SELECT * FROM addresses WHERE deployment = ?", deployment);
}

function toAddress(row: AddressRow): Address {
  return {
    address: row.address,
    type: row.type,
    strategy: row.strategy,
    application: row.application,
    deployment: row.deployment,
    // Written by `keep` only.
    ports: row.ports === null ? [] : (JSON.parse(row.ports) as PortRange[]),
    writtenAt: row.written_at,
  };
}
