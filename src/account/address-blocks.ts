/**
 * Which account has which block of addresses. The first account's object keeps the rows of all, so that no two accounts
 * have one block; every other account keeps a copy of its own.
 */
import type { AddressRange, AddressType } from "../address-range.ts";
import type { Database } from "../database.ts";

/** The blocks of an account that it does not know yet; a new one when it knows all. Empty when none is left. */
export function leaseBlocks(db: Database, account: string, range: AddressRange, known: readonly string[]): string[] {
  const unknown = blocksOf(db, account, range.type).filter((prefix) => !known.includes(prefix));
  if (unknown.length > 0) return unknown;
  const taken = new Set(
    db.all<{ prefix: string }>("SELECT prefix FROM address_blocks WHERE type = ?", range.type).map((row) => row.prefix),
  );
  for (let block = 0; block < range.blocks; block += 1) {
    const prefix = range.prefixOf(block);
    if (taken.has(prefix)) continue;
    keepBlock(db, account, range.type, prefix);
    return [prefix];
  }
  return [];
}

export function keepBlock(db: Database, account: string, type: AddressType, prefix: string): void {
  db.run("INSERT INTO address_blocks VALUES (?, ?, ?) ON CONFLICT DO NOTHING", prefix, type, account);
}

export function blocksOf(db: Database, account: string, type: AddressType): string[] {
  const sql = "SELECT prefix FROM address_blocks WHERE account = ? AND type = ? ORDER BY prefix";
  return db.all<{ prefix: string }>(sql, account, type).map(({ prefix }) => prefix);
}

export function accountOfBlock(db: Database, prefix: string): string | null {
  return db.one<{ account: string }>("SELECT account FROM address_blocks WHERE prefix = ?", prefix)?.account ?? null;
}

export function removeBlocks(db: Database, account: string): void {
  db.run("DELETE FROM address_blocks WHERE account = ?", account);
}
