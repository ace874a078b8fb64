/**
 * Choices at rest: sealed, one row for each deployment that was started with one, read when it is launched and when
 * somebody asks whether his choice is the same. Bound to application and choice, so that none opens in another's place.
 */
import type { Database } from "../../database.ts";
import { currentPrefix, open, seal } from "../../sealing.ts";
import { GantryError } from "../../errors.ts";
import type { StartChoice } from "./choice.ts";

// WITHOUT ROWID: a text key on a rowid table costs a second, index row for every write.
export const CHOICES_SCHEMA = `CREATE TABLE start_choices (
  deployment TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  sealed TEXT NOT NULL
) WITHOUT ROWID;`;

interface ChoiceRow {
  readonly [column: string]: string;
  readonly deployment: string;
  readonly id: string;
  readonly sealed: string;
}

export interface KeptChoice {
  readonly id: string;
  readonly sealed: string;
}

export function keepChoice(db: Database, deployment: string, { id, sealed }: KeptChoice): void {
  const sql = `INSERT INTO start_choices (deployment, id, sealed) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET id = excluded.id, sealed = excluded.sealed`;
  db.run(sql, deployment, id, sealed);
}

export function dropChoice(db: Database, deployment: string): void {
  db.run("DELETE FROM start_choices WHERE deployment = ?", deployment);
}

export function keptChoice(db: Database, deployment: string): KeptChoice | undefined {
  return db.one<ChoiceRow>("SELECT deployment, id, sealed FROM start_choices WHERE deployment = ?", deployment);
}

export function sealChoice(
  keys: readonly string[],
  application: string,
  id: string,
  choice: StartChoice,
): Promise<string> {
  return seal(keys, JSON.stringify(choice), contextOf(application, id));
}

/** Throws `SECRET_UNREADABLE` when the key that sealed it is not there any more. */
export async function openChoice(
  keys: readonly string[],
  application: string,
  { id, sealed }: KeptChoice,
): Promise<StartChoice> {
  try {
    // Sealed by `sealChoice` only.
    return JSON.parse(await open(keys, sealed, contextOf(application, id))) as StartChoice;
  } catch (error) {
    if (!GantryError.is(error) || error.code !== "SECRET_UNREADABLE") throw error;
    const message =
      "what this instance was started with cannot be opened: put the key that sealed it back into GANTRY_MASTER_KEY, or destroy the instance";
    throw new GantryError("SECRET_UNREADABLE", message);
  }
}

/** Seals again what another key than the first has sealed. How many; and the deployments whose choice no key opens. */
export async function resealChoices(
  db: Database,
  keys: readonly string[],
  application: string,
): Promise<{ readonly resealed: number; readonly unreadable: readonly string[] }> {
  const current = await currentPrefix(keys);
  const sql = "SELECT deployment, id, sealed FROM start_choices WHERE substr(sealed, 1, ?) <> ?";
  const unreadable: string[] = [];
  let resealed = 0;
  for (const { deployment, id, sealed } of db.all<ChoiceRow>(sql, current.length, current)) {
    try {
      const next = await seal(keys, await open(keys, sealed, contextOf(application, id)), contextOf(application, id));
      // What was chosen anew meanwhile is left alone.
      db.run("UPDATE start_choices SET sealed = ? WHERE deployment = ? AND sealed = ?", next, deployment, sealed);
      resealed += 1;
    } catch (error) {
      if (!GantryError.is(error) || error.code !== "SECRET_UNREADABLE") throw error;
      unreadable.push(deployment);
    }
  }
  return { resealed, unreadable };
}

function contextOf(application: string, id: string): string {
  return `start ${application} ${id}`;
}
