/**
 * What the applications of an account hold, so that all together never hold more than the account's limits.
 *
 * A write that may change an application's amounts states before it begins how much it will come to: an intent. The
 * application does the write only within that grant, and says afterwards what it came to, with its generation. Until
 * then the application counts with the largest of what it had and of all intents, so that whichever of several writes
 * comes last, the ledger never says less than what lives. An intent whose request was cut off is dropped once the grant
 * has expired and the application has been asked.
 *
 * One row per application and location; check and write are in one turn of the account's object.
 */
import type { Database, Row } from "../database.ts";
import {
  amountsOf,
  EPSILON,
  NOTHING,
  RESOURCES,
  rounded,
  sameAmounts,
  type Amounts,
  type Ask,
  type Usage,
} from "./amounts.ts";
import type { Location } from "../orchestrator/placement/location.ts";
import type { Settings } from "./limits.ts";
import { refusalOf, type Refused } from "./quota-refusals.ts";

/** Leave to bring an application to at most these amounts, until it expires. */
export interface Grant {
  readonly intent: string;
  readonly location: string;
  readonly amounts: Amounts;
  readonly until: number;
  /** The account's at that moment: what the write places, it places by these. */
  readonly locations?: readonly Location[];
  /** Capacity is limited: nothing begins without having been granted. */
  readonly isLimited?: boolean;
}

export type Verdict = { readonly outcome: "granted"; readonly grant: Grant; readonly settled: boolean } | Refused;

/**
 * A write takes milliseconds; the application refuses a grant that is older. Below the time after which the name of an
 * application that never came to be is free for others.
 */
export const GRANT_MS = 20_000;
/** After this the write of an intent is certainly over, clocks that differ a little included. */
export const INTENT_MS = 60_000;

interface Intent {
  readonly amounts: Amounts;
  readonly at: number;
}

interface Entry {
  readonly settled: Amounts;
  /** Of the application, when it said so; 0 before it ever did. */
  readonly generation: number;
  readonly intents: Readonly<Record<string, Intent>>;
}

interface LedgerRow extends Row {
  application: string;
  location: string;
  instances: number;
  vcpu: number;
  memory_mib: number;
  disk_mb: number;
  ipv4s: number;
  entry: string;
  /** Since when the row waits to be settled; null when it is. */
  open_since: number | null;
}

/** Why a write that comes to this is refused; null when it is not. */
export function examine(db: Database, settings: Settings, application: string, ask: Ask): Refused | null {
  const row = readRow(db, application, ask.location);
  const own = row === undefined ? NOTHING : countedIn(row);
  const held = { total: usedBy(db, null), there: usedBy(db, ask.location), own };
  return refusalOf(settings, ask, amountsOf(ask), held);
}

/** Records what a write will come to, or says why it may not. Only growth is refused. */
export function reserve(
  db: Database,
  settings: Settings,
  application: string,
  ask: Ask,
  intent: string,
  now: number,
): Verdict {
  const amounts = amountsOf(ask);
  const row = readRow(db, application, ask.location);
  const entry = row === undefined ? null : entryOf(row);
  const refusal = examine(db, settings, application, ask);
  if (refusal !== null) return refusal;
  const grant: Grant = { intent, location: ask.location, amounts, until: now + GRANT_MS };
  // The first write of an application has no other beside it: what it asks for is what it will be.
  if (entry === null) {
    writeEntry(db, application, ask.location, { settled: amounts, generation: 0, intents: {} }, now);
    return { outcome: "granted", grant, settled: true };
  }
  if (sameAmounts(entry.settled, amounts) && entry.generation === 0 && Object.keys(entry.intents).length === 0) {
    return { outcome: "granted", grant, settled: true };
  }
  const intents = { ...entry.intents, [intent]: { amounts, at: now } };
  writeEntry(db, application, ask.location, { ...entry, intents }, now);
  return { outcome: "granted", grant, settled: false };
}

/**
 * The application says what it is at; `intent` is over, and with it all whose grants had expired when it began. One of
 * an older generation changes no amounts.
 */
export function settle(db: Database, application: string, usage: Usage, intent: string | null, now: number): void {
  const amounts = amountsOf(usage);
  const rows = rowsOf(db, application);
  const newest = Math.max(0, ...rows.map((row) => entryOf(row).generation));
  const isCurrent = usage.generation >= newest;
  for (const row of rows) {
    const entry = entryOf(row);
    const intents = isCurrent ? withoutExpired(entry.intents, intent) : without(entry.intents, intent);
    const settled = !isCurrent ? entry.settled : row.location === usage.location ? amounts : NOTHING;
    const generation = isCurrent ? usage.generation : entry.generation;
    const next = { settled, generation, intents };
    if (row.location !== usage.location && sameAmounts(countedOf(next), NOTHING))
      removeRow(db, application, row.location);
    else if (!sameAmounts(settled, entry.settled) || generation !== entry.generation || intents !== entry.intents) {
      writeEntry(db, application, row.location, next, now);
    }
  }
}

/** The write of this intent was refused: nothing came of it. */
export function withdraw(db: Database, application: string, intent: string, now: number): void {
  for (const row of rowsOf(db, application)) {
    const entry = entryOf(row);
    const intents = without(entry.intents, intent);
    if (intents === entry.intents) continue;
    const next = { ...entry, intents };
    if (sameAmounts(countedOf(next), NOTHING) && entry.generation === 0) removeRow(db, application, row.location);
    else writeEntry(db, application, row.location, next, now);
  }
}

export function removeFromLedger(db: Database, application: string): void {
  db.run("DELETE FROM ledger WHERE application = ?", application);
}

/** Applications whose last write nobody saw the end of, and those that the ledger knows nothing of. */
export function unsettled(db: Database, now: number): string[] {
  const before = now - INTENT_MS;
  const sql = `SELECT DISTINCT application AS id FROM ledger WHERE open_since IS NOT NULL AND open_since <= ?
    UNION SELECT id FROM applications WHERE created_at <= ? AND id NOT IN (SELECT application FROM ledger)`;
  return db.all<{ id: string }>(sql, before, before).map(({ id }) => id);
}

/** What an application answered that was asked after its grants had expired; null when there is none. */
export function correct(db: Database, application: string, usage: Usage | null, now: number): void {
  const rows = rowsOf(db, application);
  // A new write began while the application was asked: that one settles it.
  if (rows.some(({ open_since: since }) => since !== null && since > now - INTENT_MS)) return;
  if (usage === null) {
    removeFromLedger(db, application);
    return;
  }
  const at = rows.find(({ location }) => location === usage.location);
  const generation = at === undefined ? 0 : entryOf(at).generation;
  removeFromLedger(db, application);
  // A settled row of a newer generation than the answer stays what it is: the answer was under way for long.
  const entry = at !== undefined && generation > usage.generation ? entryOf(at) : null;
  const settled = entry?.settled ?? amountsOf(usage);
  writeEntry(
    db,
    application,
    usage.location,
    { settled, generation: Math.max(generation, usage.generation), intents: {} },
    now,
  );
}

export function usedBy(db: Database, location: string | null): Amounts {
  const row = db.one<Pick<LedgerRow, "instances" | "vcpu" | "memory_mib" | "disk_mb" | "ipv4s">>(
    `SELECT TOTAL(instances) AS instances, TOTAL(vcpu) AS vcpu, TOTAL(memory_mib) AS memory_mib,
      TOTAL(disk_mb) AS disk_mb, TOTAL(ipv4s) AS ipv4s FROM ledger WHERE ? IS NULL OR location = ?`,
    location,
    location,
  );
  return row === undefined ? NOTHING : countedIn(row);
}

/** Locations in which something is held. */
export function usedLocations(db: Database): string[] {
  return db
    .all<{ location: string }>("SELECT DISTINCT location FROM ledger ORDER BY location")
    .map(({ location }) => location);
}

/** Why a grant does not cover what an application would come to; null when it does. */
export function beyondGrant(grant: Grant, usage: Usage, now: number): string | null {
  if (now > grant.until) return "it took too long";
  if (usage.location !== grant.location) return "its location was changed";
  const amounts = amountsOf(usage);
  const isBeyond = RESOURCES.some(({ key }) => amounts[key] > grant.amounts[key] + EPSILON);
  return isBeyond ? "its size or count was changed" : null;
}

function countedOf({ settled, intents }: Entry): Amounts {
  const all = [settled, ...Object.values(intents).map(({ amounts }) => amounts)];
  const most = (key: keyof Amounts) => Math.max(...all.map((amounts) => amounts[key]));
  return {
    instances: most("instances"),
    vcpu: most("vcpu"),
    memoryMib: most("memoryMib"),
    diskMb: most("diskMb"),
    ipv4s: most("ipv4s"),
  };
}

function countedIn(row: Pick<LedgerRow, "instances" | "vcpu" | "memory_mib" | "disk_mb" | "ipv4s">): Amounts {
  const { instances, vcpu, memory_mib: memoryMib, disk_mb: diskMb, ipv4s } = row;
  return { instances, vcpu: rounded(vcpu), memoryMib, diskMb, ipv4s };
}

function readRow(db: Database, application: string, location: string): LedgerRow | undefined {
  return db.one<LedgerRow>("SELECT * FROM ledger WHERE application = ? AND location = ?", application, location);
}

function rowsOf(db: Database, application: string): LedgerRow[] {
  return db.all<LedgerRow>("SELECT * FROM ledger WHERE application = ?", application);
}

function entryOf(row: LedgerRow): Entry {
  // Written by `writeEntry` only.
  return JSON.parse(row.entry) as Entry;
}

function writeEntry(db: Database, application: string, location: string, entry: Entry, now: number): void {
  const { instances, vcpu, memoryMib, diskMb, ipv4s } = countedOf(entry);
  const isOpen = entry.generation === 0 || Object.keys(entry.intents).length > 0;
  db.run(
    "INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    application,
    location,
    instances,
    vcpu,
    memoryMib,
    diskMb,
    ipv4s,
    JSON.stringify(entry),
    isOpen ? now : null,
  );
}

function removeRow(db: Database, application: string, location: string): void {
  db.run("DELETE FROM ledger WHERE application = ? AND location = ?", application, location);
}

function without(intents: Entry["intents"], intent: string | null): Entry["intents"] {
  if (intent === null || intents[intent] === undefined) return intents;
  return Object.fromEntries(Object.entries(intents).filter(([id]) => id !== intent));
}

/** Without the intent, and without those that were written when it was granted, if at all. */
function withoutExpired(intents: Entry["intents"], intent: string | null): Entry["intents"] {
  const own = intent === null ? undefined : intents[intent];
  if (own === undefined) return intents;
  return Object.fromEntries(Object.entries(intents).filter(([id, { at }]) => id !== intent && at > own.at - INTENT_MS));
}
