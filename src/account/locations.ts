/** Where instances may be asked to run: one location per region, each with limits of its own that an account can set. */
import type { Limits } from "./limits.ts";

export interface LocationLimits {
  readonly vcpuPerDeployment: number;
  readonly memoryMibPerDeployment: number;
  readonly totalVcpu: number;
  readonly totalMemoryMib: number;
}

export interface Location {
  readonly location: string;
  readonly name: string;
  readonly region: string;
  readonly enabled: boolean;
  readonly limits: LocationLimits;
}

/** What an account has changed of a location. */
export interface LocationSetting {
  readonly enabled?: boolean;
  readonly limits?: Partial<LocationLimits>;
}

/** Of what may run anywhere. */
export const ANYWHERE = "auto";

const REGIONS = {
  AFR: "Africa",
  APAC: "Asia Pacific",
  EEUR: "Eastern Europe",
  ENAM: "Eastern North America",
  ME: "Middle East",
  OC: "Oceania",
  SAM: "South America",
  WEUR: "Western Europe",
  WNAM: "Western North America",
} as const;

export type Region = keyof typeof REGIONS;

const LOCATIONS = Object.entries(REGIONS).map(([region, name]) => ({ location: region.toLowerCase(), name, region }));

export const LOCATION_CODES: readonly string[] = LOCATIONS.map(({ location }) => location);

/** A location without limits of its own has the account's. */
export function locationsOf(settings: Readonly<Record<string, LocationSetting>>, account: Limits): Location[] {
  const { vcpuPerDeployment, memoryMibPerDeployment, totalVcpu, totalMemoryMib } = account;
  const inherited = { vcpuPerDeployment, memoryMibPerDeployment, totalVcpu, totalMemoryMib };
  return LOCATIONS.map((location) => {
    const { enabled = true, limits = {} } = settings[location.location] ?? {};
    return { ...location, enabled, limits: { ...inherited, ...limits } };
  });
}
