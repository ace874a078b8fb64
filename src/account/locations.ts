/**
 * Where instances may be asked to run: one location per region, and those that an account has added. Each has limits of
 * its own that the account can set.
 */
import type { Location, Region } from "../orchestrator/placement/location.ts";
import { ANY, type Capacity } from "./capacity/load.ts";
import type { Limits } from "./limits.ts";

export interface LocationLimits {
  readonly vcpuPerDeployment: number;
  readonly memoryMibPerDeployment: number;
  readonly totalVcpu: number;
  readonly totalMemoryMib: number;
}

export interface LimitedLocation extends Location {
  readonly limits: LocationLimits;
  readonly capacity: Capacity;
}

/** What an account has changed of a location. `region` makes one of its own. */
export interface LocationSetting {
  readonly enabled?: boolean;
  readonly weight?: number;
  readonly name?: string;
  readonly region?: Region;
  readonly city?: string | null;
  readonly pop?: string | null;
  readonly limits?: Partial<LocationLimits>;
  readonly capacity?: Partial<Capacity>;
}

/** Of what may run anywhere. */
export const ANYWHERE = "auto";

/** Locations that an account may add to those of the regions. */
export const MAX_OWN_LOCATIONS = 50;

const NAMES: Readonly<Record<Region, string>> = {
  AFR: "Africa",
  APAC: "Asia Pacific",
  EEUR: "Eastern Europe",
  ENAM: "Eastern North America",
  ME: "Middle East",
  OC: "Oceania",
  SAM: "South America",
  WEUR: "Western Europe",
  WNAM: "Western North America",
};

const DEFAULT_LOCATIONS: readonly Location[] = Object.entries(NAMES).map(([region, name]) => ({
  code: region.toLowerCase(),
  name,
  // The table is keyed by them.
  region: region as Region,
  city: null,
  pop: null,
  weight: 1,
  enabled: true,
}));

export const LOCATION_CODES: readonly string[] = DEFAULT_LOCATIONS.map(({ code }) => code);

/** A location without limits of its own has the account's. */
export function locationsOf(settings: Readonly<Record<string, LocationSetting>>, account: Limits): LimitedLocation[] {
  const { vcpuPerDeployment, memoryMibPerDeployment, totalVcpu, totalMemoryMib } = account;
  const inherited = { vcpuPerDeployment, memoryMibPerDeployment, totalVcpu, totalMemoryMib };
  const own = Object.entries(settings)
    .filter(([code]) => !LOCATION_CODES.includes(code))
    .flatMap(([code, { region }]) => (region === undefined ? [] : [ownLocation(code, region)]));
  return [...DEFAULT_LOCATIONS, ...own].map((location) => {
    const { limits = {}, capacity, region: _, ...changed } = settings[location.code] ?? {};
    return { ...location, ...changed, limits: { ...inherited, ...limits }, capacity: { ...ANY, ...capacity } };
  });
}

function ownLocation(code: string, region: Region): Location {
  return { code, name: code, region, city: null, pop: null, weight: 1, enabled: true };
}

/** What placing needs to know of them. */
export function placesOf(locations: readonly LimitedLocation[]): Location[] {
  return locations.map(({ code, name, region, city, pop, weight, enabled }) => {
    return { code, name, region, city, pop, weight, enabled };
  });
}
