/** Where containers may be placed: rows of the account, and what an application asks of them. */

export const REGIONS = ["AFR", "APAC", "EEUR", "ENAM", "ME", "OC", "SAM", "WEUR", "WNAM"] as const;
export type Region = (typeof REGIONS)[number];

export const JURISDICTIONS = ["eu", "us", "fedramp"] as const;
export type Jurisdiction = (typeof JURISDICTIONS)[number];

/** The regions that lie in a jurisdiction. */
export const JURISDICTION_REGIONS: Readonly<Record<Jurisdiction, readonly Region[]>> = {
  eu: ["EEUR", "WEUR"],
  us: ["ENAM", "WNAM"],
  fedramp: ["ENAM", "WNAM"],
};

export interface Location {
  /** `weur`, or a name of the operator's. */
  readonly code: string;
  readonly region: Region;
  /** Airport code; null for a location that is a whole region. */
  readonly city: string | null;
  readonly pop: string | null;
  /** Share of an application's instances beside the others'; 1 for all means an even spread. */
  readonly weight: number;
  readonly enabled: boolean;
}

/** Each list that is given must name the location; none is given: all are. */
export interface Constraints {
  readonly regions?: readonly Region[];
  readonly cities?: readonly string[];
  readonly pops?: readonly string[];
  readonly jurisdiction?: Jurisdiction;
}

/** The constraint that keeps a location out, or null. */
export function violated(location: Location, constraints: Constraints): keyof Constraints | null {
  const { regions, cities, pops, jurisdiction } = constraints;
  if (regions !== undefined && !regions.includes(location.region)) return "regions";
  if (jurisdiction !== undefined && !JURISDICTION_REGIONS[jurisdiction].includes(location.region))
    return "jurisdiction";
  if (cities !== undefined && !(location.city !== null && cities.includes(location.city))) return "cities";
  if (pops !== undefined && !(location.pop !== null && pops.includes(location.pop))) return "pops";
  return null;
}

/** Names the first constraint that no location can ever meet, disabled ones counted; null when one can. */
export function impossible(locations: readonly Location[], constraints: Constraints): keyof Constraints | null {
  let left = locations;
  for (const name of ["regions", "jurisdiction", "cities", "pops"] as const) {
    const value = constraints[name];
    if (value === undefined) continue;
    left = left.filter((location) => violated(location, { [name]: value }) === null);
    if (left.length === 0) return name;
  }
  return null;
}
