/**
 * What an account may use and what a configuration gets that does not say: limits, defaults, and which locations are
 * open. One row, written only when somebody changes it; an account without the row has the values of this file.
 */
import { invalid } from "../api/body.ts";
import { INSTANCE_TYPES } from "../api/schemas/configuration.ts";
import type { Database } from "../database.ts";
import { etagOf, requireMatch } from "../etag.ts";
import { ANY, type Capacity } from "./capacity/load.ts";
import {
  LOCATION_CODES,
  locationsOf,
  MAX_OWN_LOCATIONS,
  type LimitedLocation,
  type LocationSetting,
} from "./locations.ts";

export interface Limits {
  readonly vcpuPerDeployment: number;
  readonly memoryMibPerDeployment: number;
  readonly diskMbPerDeployment: number;
  readonly totalInstances: number;
  readonly totalVcpu: number;
  readonly totalMemoryMib: number;
  readonly totalDiskMb: number;
  readonly ipv4s: number;
}

/** Size of an instance whose configuration names none. */
export interface Defaults {
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly diskMb: number;
}

export interface Settings {
  readonly limits: Limits;
  /** What may run at one time; what is wanted beyond it waits. */
  readonly capacity: Capacity;
  readonly defaults: Defaults;
  readonly locations: readonly LimitedLocation[];
  readonly etag: string;
}

export interface SettingsPatch {
  readonly limits?: Partial<Limits>;
  readonly capacity?: Partial<Capacity>;
  readonly defaults?: Partial<Defaults>;
  readonly locations?: Readonly<Record<string, LocationSetting>>;
}

/** The largest that the platform starts. */
export const LARGEST = INSTANCE_TYPES["standard-4"];

/** The totals are what Cloudflare gives an account. */
export const DEFAULT_LIMITS: Limits = {
  vcpuPerDeployment: LARGEST.vcpu,
  memoryMibPerDeployment: LARGEST.memory_mib,
  diskMbPerDeployment: LARGEST.disk_mb,
  totalInstances: 20_000,
  totalVcpu: 1_500,
  totalMemoryMib: 6 * 1_024 * 1_024,
  totalDiskMb: 30_000_000,
  ipv4s: 256,
};

export const DEFAULT_DEFAULTS: Defaults = {
  vcpus: INSTANCE_TYPES.lite.vcpu,
  memoryMib: INSTANCE_TYPES.lite.memory_mib,
  diskMb: INSTANCE_TYPES.lite.disk_mb,
};

interface Stored {
  readonly change: number;
  readonly capacity?: Partial<Capacity>;
  readonly limits: Partial<Limits>;
  readonly defaults: Partial<Defaults>;
  readonly locations: Readonly<Record<string, LocationSetting>>;
}

const NOTHING_STORED: Stored = { change: 0, limits: {}, defaults: {}, locations: {} };

export function readSettings(db: Database, accountId: string): Settings {
  return settingsOf(readStored(db), accountId);
}

/** Changes only what is named. The check of `ifMatch` and the write are in one turn. */
export function updateSettings(
  db: Database,
  accountId: string,
  patch: SettingsPatch,
  ifMatch: string | null,
): Settings {
  const stored = readStored(db);
  const current = settingsOf(stored, accountId);
  requireMatch(ifMatch, current.etag);
  const next: Stored = {
    change: stored.change + 1,
    limits: { ...stored.limits, ...patch.limits },
    defaults: { ...stored.defaults, ...patch.defaults },
    locations: mergeLocations(stored.locations, patch.locations ?? {}),
    ...(patch.capacity === undefined ? {} : { capacity: { ...stored.capacity, ...patch.capacity } }),
  };
  const settings = settingsOf(next, accountId);
  requireDefaultsWithinLimits(settings);
  if (JSON.stringify({ ...next, change: 0 }) === JSON.stringify({ ...stored, change: 0 })) return current;
  db.run("INSERT OR REPLACE INTO settings (id, body) VALUES (1, ?)", JSON.stringify(next));
  return settings;
}

function mergeLocations(
  stored: Stored["locations"],
  patch: Readonly<Record<string, LocationSetting>>,
): Stored["locations"] {
  const next: Record<string, LocationSetting> = { ...stored };
  for (const [index, [code, { limits, capacity, ...changed }]] of Object.entries(patch).entries()) {
    const before = next[code] ?? {};
    requireRegion(`locations[${index}]`, code, before, changed);
    next[code] = {
      ...before,
      ...changed,
      ...(capacity === undefined ? {} : { capacity: { ...before.capacity, ...capacity } }),
      ...(limits === undefined ? {} : { limits: { ...before.limits, ...limits } }),
    };
  }
  const own = Object.keys(next).filter((code) => !LOCATION_CODES.includes(code)).length;
  if (own > MAX_OWN_LOCATIONS) {
    throw invalid({ locations: `would be ${own} of the account's own: at most ${MAX_OWN_LOCATIONS}` });
  }
  return next;
}

/** A location's region is what its objects are made with: it is given once. */
function requireRegion(field: string, code: string, before: LocationSetting, { region }: LocationSetting): void {
  const known = LOCATION_CODES.includes(code) ? code.toUpperCase() : before.region;
  if (known === undefined && region === undefined) {
    const codes = LOCATION_CODES.join(", ");
    throw invalid({ [`${field}.location`]: `must be one of ${codes}, or be added with a region` });
  }
  if (known !== undefined && region !== undefined && region !== known) {
    throw invalid({ [`${field}.region`]: `of ${code} is ${known} and cannot change: add another location` });
  }
}

/** A default that no deployment may have would make every configuration without a size fail. */
function requireDefaultsWithinLimits({ defaults, limits }: Settings): void {
  const pairs = [
    ["defaults.vcpus", defaults.vcpus, "vcpu_per_deployment", limits.vcpuPerDeployment],
    ["defaults.memory_mib", defaults.memoryMib, "memory_mib_per_deployment", limits.memoryMibPerDeployment],
    ["defaults.disk_mb", defaults.diskMb, "disk_mb_per_deployment", limits.diskMbPerDeployment],
  ] as const;
  const wrong = pairs.filter(([, value, , limit]) => value > limit);
  if (wrong.length === 0) return;
  throw invalid(
    Object.fromEntries(
      wrong.map(([field, value, name, limit]) => [
        field,
        `would be ${value}, above limits.${name} (${limit}): lower the default or raise the limit`,
      ]),
    ),
  );
}

function settingsOf({ change, limits, capacity, defaults, locations }: Stored, accountId: string): Settings {
  const all: Limits = { ...DEFAULT_LIMITS, ...limits };
  return {
    limits: all,
    capacity: { ...ANY, ...capacity },
    defaults: { ...DEFAULT_DEFAULTS, ...defaults },
    locations: locationsOf(locations, all),
    etag: etagOf(accountId, change),
  };
}

function readStored(db: Database): Stored {
  const row = db.one<{ body: string }>("SELECT body FROM settings");
  // Written by `updateSettings` only.
  return row === undefined ? NOTHING_STORED : (JSON.parse(row.body) as Stored);
}
