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
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import { ANYWHERE, type Location } from "./locations.ts";
import type { Limits, Settings } from "./limits.ts";

export interface Size {
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly diskMb: number;
}

/** How much an application is to come to. Absolute, so that asking twice is asking once. */
export interface Ask {
  readonly instances: number;
  /** Of one instance. */
  readonly size: Size;
  /** Of one instance: 1 with an IPv4 address of its own. */
  readonly ipv4s: number;
  /** `ANYWHERE`, or the code of a location. */
  readonly location: string;
}

/** What an application is at, as it says itself. */
export interface Usage extends Ask {
  readonly generation: number;
}

export interface Amounts {
  readonly instances: number;
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly diskMb: number;
  readonly ipv4s: number;
}

/** Leave to bring an application to at most these amounts, until it expires. */
export interface Grant {
  readonly intent: string;
  readonly location: string;
  readonly amounts: Amounts;
  readonly until: number;
}

export type Verdict =
  | { readonly outcome: "granted"; readonly grant: Grant; readonly settled: boolean }
  | { readonly outcome: "refused"; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };

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

export const NOTHING: Amounts = { instances: 0, vcpu: 0, memoryMib: 0, diskMb: 0, ipv4s: 0 };

export function amountsOf({ instances, size, ipv4s }: Ask): Amounts {
  return {
    instances,
    vcpu: rounded(size.vcpu * instances),
    memoryMib: size.memoryMib * instances,
    diskMb: size.diskMb * instances,
    ipv4s: ipv4s * instances,
  };
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
  const before = row === undefined ? NOTHING : countedIn(row);
  const refusal = refuse(db, settings, ask, amounts, before);
  if (refusal !== null) return refusal;
  const grant: Grant = { intent, location: ask.location, amounts, until: now + GRANT_MS };
  // The first write of an application has no other beside it: what it asks for is what it will be.
  if (entry === null) {
    writeEntry(db, application, ask.location, { settled: amounts, generation: 0, intents: {} }, now);
    return { outcome: "granted", grant, settled: true };
  }
  if (same(entry.settled, amounts) && entry.generation === 0 && Object.keys(entry.intents).length === 0) {
    return { outcome: "granted", grant, settled: true };
  }
  const intents = { ...entry.intents, [intent]: { amounts, at: now } };
  writeEntry(db, application, ask.location, { ...entry, intents }, now);
  return { outcome: "granted", grant, settled: false };
}

/** The application says what it is at; `intent` is over. One of an older generation changes no amounts. */
export function settle(db: Database, application: string, usage: Usage, intent: string | null, now: number): void {
  const amounts = amountsOf(usage);
  const rows = rowsOf(db, application);
  const newest = Math.max(0, ...rows.map((row) => entryOf(row).generation));
  const isCurrent = usage.generation >= newest;
  for (const row of rows) {
    const entry = entryOf(row);
    const intents = without(entry.intents, intent);
    const settled = !isCurrent ? entry.settled : row.location === usage.location ? amounts : NOTHING;
    const generation = isCurrent ? usage.generation : entry.generation;
    const next = { settled, generation, intents };
    if (row.location !== usage.location && same(countedOf(next), NOTHING)) removeRow(db, application, row.location);
    else if (!same(settled, entry.settled) || generation !== entry.generation || intents !== entry.intents) {
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
    if (same(countedOf(next), NOTHING) && entry.generation === 0) removeRow(db, application, row.location);
    else writeEntry(db, application, row.location, next, now);
  }
}

export function removeFromLedger(db: Database, application: string): void {
  db.run("DELETE FROM ledger WHERE application = ?", application);
}

/** Applications whose last write nobody saw the end of. */
export function unsettled(db: Database, now: number): string[] {
  const sql = "SELECT DISTINCT application FROM ledger WHERE open_since IS NOT NULL AND open_since <= ?";
  return db.all<{ application: string }>(sql, now - INTENT_MS).map(({ application }) => application);
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
  for (const row of rows) {
    const entry = entryOf(row);
    if (Object.keys(entry.intents).length > 0) {
      writeEntry(db, application, row.location, { ...entry, intents: {} }, now);
    }
  }
  settle(db, application, usage, null, now);
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

interface Resource {
  readonly key: keyof Amounts;
  readonly wire: string;
  readonly total: keyof Limits;
}

const RESOURCES: readonly Resource[] = [
  { key: "instances", wire: "instances", total: "totalInstances" },
  { key: "vcpu", wire: "vcpu", total: "totalVcpu" },
  { key: "memoryMib", wire: "memory_mib", total: "totalMemoryMib" },
  { key: "diskMb", wire: "disk_mb", total: "totalDiskMb" },
  { key: "ipv4s", wire: "ipv4s", total: "ipv4s" },
];

/** Of sums of vCPUs, which are fractions. */
const EPSILON = 1e-6;

function refuse(db: Database, settings: Settings, ask: Ask, asked: Amounts, before: Amounts): Verdict | null {
  const { limits } = settings;
  const growing = RESOURCES.filter(({ key }) => asked[key] > before[key] + EPSILON);
  if (growing.length === 0) return null;
  const size = sizeRefusal(ask.size, limits);
  if (size !== null) return size;
  const place = ask.location === ANYWHERE ? null : locationRefusal(db, settings.locations, ask, asked, before);
  if (place !== null) return place;
  const used = usedBy(db, null);
  const over = growing.flatMap(({ key, wire, total }) =>
    overLimit(wire, asked[key], used[key] - before[key], limits[total]),
  );
  return over.length === 0 ? null : surpassed("the account's limits", over);
}

/** Null when one instance of this size is within the account's limits. */
export function sizeRefusal(size: Size, limits: Limits): Verdict | null {
  const over = [
    ...overSize("vcpu", size.vcpu, limits.vcpuPerDeployment),
    ...overSize("memory_mib", size.memoryMib, limits.memoryMibPerDeployment),
    ...overSize("disk_mb", size.diskMb, limits.diskMbPerDeployment),
  ];
  if (over.length === 0) return null;
  return refused("SURPASSED_BASE_LIMITS", "one instance is larger than the account's limits allow", over);
}

/** Null when the location is open, and one instance of this size is within its limits. */
export function locationSizeRefusal(locations: readonly Location[], code: string, size: Size): Verdict | null {
  const location = locations.find((known) => known.location === code && known.enabled);
  if (location === undefined) {
    const open = locations.filter(({ enabled }) => enabled).map((known) => known.location);
    const message = `location ${code.slice(0, 40)} is not one of the account's: ${open.join(", ") || "none is enabled"}`;
    return {
      outcome: "refused",
      code: "LOCATION_NOT_ALLOWED",
      message,
      details: { location: code.slice(0, 40), allowed: open },
    };
  }
  const over = [
    ...overSize("vcpu", size.vcpu, location.limits.vcpuPerDeployment),
    ...overSize("memory_mib", size.memoryMib, location.limits.memoryMibPerDeployment),
  ];
  if (over.length === 0) return null;
  return refused("LOCATION_SURPASSED_BASE_LIMITS", `one instance is larger than location ${code} allows`, over);
}

function locationRefusal(
  db: Database,
  locations: readonly Location[],
  ask: Ask,
  asked: Amounts,
  before: Amounts,
): Verdict | null {
  const size = locationSizeRefusal(locations, ask.location, ask.size);
  const limits = locations.find(({ location }) => location === ask.location)?.limits;
  if (size !== null || limits === undefined) return size;
  const used = usedBy(db, ask.location);
  const over = [
    ...overLimit("vcpu", asked.vcpu, used.vcpu - before.vcpu, limits.totalVcpu),
    ...overLimit("memory_mib", asked.memoryMib, used.memoryMib - before.memoryMib, limits.totalMemoryMib),
  ];
  return over.length === 0 ? null : surpassed(`the limits of location ${ask.location}`, over);
}

interface Over {
  readonly wire: string;
  readonly text: string;
  readonly numbers: Readonly<Record<string, number>>;
}

function overSize(wire: string, asked: number, limit: number): Over[] {
  if (asked <= limit + EPSILON) return [];
  const numbers = { [`${wire}_asked`]: asked, [`${wire}_limit`]: limit };
  return [{ wire, text: `asked ${asked}, limit ${limit} per deployment`, numbers }];
}

function overLimit(wire: string, asked: number, used: number, limit: number): Over[] {
  const shortfall = rounded(asked + used - limit);
  if (shortfall <= 0) return [];
  return [
    {
      wire,
      text: `asked ${asked}, used ${rounded(used)} by others, limit ${limit}: ${shortfall} too many`,
      numbers: {
        [`${wire}_asked`]: asked,
        [`${wire}_used`]: rounded(used),
        [`${wire}_limit`]: limit,
        [`${wire}_shortfall`]: shortfall,
      },
    },
  ];
}

function surpassed(whose: string, over: readonly Over[]): Verdict {
  return refused("SURPASSED_TOTAL_LIMITS", `this would surpass ${whose}`, over);
}

function refused(code: ErrorCode, what: string, over: readonly Over[]): Verdict {
  const reasons = over.map(({ wire, text }) => [wire, text] as const);
  const message = `${what}: ${reasons.map(([wire, text]) => `${wire} ${text}`).join("; ")}`;
  const numbers = Object.assign({}, ...over.map((item) => item.numbers)) as Record<string, number>;
  return { outcome: "refused", code, message, details: { ...Object.fromEntries(reasons), ...numbers } };
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

function same(a: Amounts, b: Amounts): boolean {
  return RESOURCES.every(({ key }) => Math.abs(a[key] - b[key]) < EPSILON);
}

/** The API knows vCPUs to four decimals. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
