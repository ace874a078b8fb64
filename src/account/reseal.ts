/**
 * Key rotation: what another key than the first of GANTRY_MASTER_KEY has sealed is sealed again, in small steps. Each
 * step stands for itself, so that a crash loses nothing, and a value that is written meanwhile is left alone.
 */
import type { Database, Row } from "../database.ts";
import { GantryError } from "../errors.ts";
import { currentPrefix, open, seal } from "../sealing.ts";
import { IDEMPOTENCY_CONTEXT, SEALED_PREFIX } from "./idempotency.ts";
import { registryContext } from "./registries.ts";
import { secretContext } from "./secrets.ts";

export interface ResealReport {
  readonly resealed: number;
  /** What no key opens: `secret <name>`. Its key must be put back, or the value written anew. */
  readonly unreadable: readonly string[];
}

/** A column of sealed texts. */
interface SealedColumn {
  readonly table: string;
  readonly key: string;
  readonly column: string;
  readonly prefix: string;
  readonly context: (key: string) => string;
  readonly label: (key: string) => string;
}

interface SealedRow extends Row {
  key: string;
  sealed: string;
}

const BATCH = 32;

export async function reseal(db: Database, keys: readonly string[], accountId: string): Promise<ResealReport> {
  const columns: SealedColumn[] = [
    {
      table: "secrets",
      key: "name",
      column: "sealed",
      prefix: "",
      context: (name) => secretContext(accountId, name),
      label: (name) => `secret ${name}`,
    },
    {
      table: "registries",
      key: "domain",
      column: "sealed_key",
      prefix: "",
      context: (domain) => registryContext(accountId, domain),
      label: (domain) => `registry ${domain}`,
    },
    {
      table: "idempotency",
      key: "key",
      column: "answer",
      prefix: SEALED_PREFIX,
      context: () => IDEMPOTENCY_CONTEXT,
      label: () => "an answer that is kept for a retry",
    },
  ];
  let resealed = 0;
  const unreadable: string[] = [];
  for (const column of columns) {
    const report = await resealColumn(db, keys, column);
    resealed += report.resealed;
    unreadable.push(...report.unreadable);
  }
  return { resealed, unreadable: [...new Set(unreadable)] };
}

async function resealColumn(db: Database, keys: readonly string[], place: SealedColumn): Promise<ResealReport> {
  const { table, key, column, prefix } = place;
  const current = `${prefix}${await currentPrefix(keys)}`;
  const sql = `SELECT ${key} AS key, ${column} AS sealed FROM ${table}
    WHERE ${key} > ? AND substr(${column}, 1, ?) = ? AND substr(${column}, 1, ?) <> ? ORDER BY ${key} LIMIT ${BATCH}`;
  const unreadable: string[] = [];
  let resealed = 0;
  let cursor = "";
  for (;;) {
    const rows = db.all<SealedRow>(sql, cursor, prefix.length, prefix, current.length, current);
    const done = await Promise.all(rows.map((row) => resealRow(keys, place, row)));
    db.transaction(() => {
      for (const { row, sealed } of done) {
        if (sealed === null) unreadable.push(place.label(row.key));
        else {
          db.run(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ? AND ${column} = ?`, sealed, row.key, row.sealed);
          resealed += 1;
        }
      }
    });
    const last = rows.at(-1);
    if (last === undefined) return { resealed, unreadable };
    cursor = last.key;
  }
}

async function resealRow(keys: readonly string[], { prefix, context }: SealedColumn, row: SealedRow) {
  try {
    const text = await open(keys, row.sealed.slice(prefix.length), context(row.key));
    return { row, sealed: `${prefix}${await seal(keys, text, context(row.key))}` };
  } catch (error) {
    if (GantryError.is(error) && error.code === "SECRET_UNREADABLE") return { row, sealed: null };
    throw error;
  }
}
