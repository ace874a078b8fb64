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

/** What constraints are about. */
export interface Place {
  readonly region: Region;
  /** Airport code; null for a location that is a whole region. */
  readonly city: string | null;
  readonly pop: string | null;
}

export interface Location extends Place {
  /** `weur`, or a name of the operator's. */
  readonly code: string;
  /** For people. */
  readonly name: string;
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

export const CONSTRAINTS = [
  "regions",
  "jurisdiction",
  "cities",
  "pops",
] as const satisfies readonly (keyof Constraints)[];

/** The constraint that keeps a place out, or null. */
export function violated(place: Place, constraints: Constraints): keyof Constraints | null {
  const { cities, pops } = constraints;
  const wrong = violatedRegion(place.region, constraints);
  if (wrong !== null) return wrong;
  if (cities !== undefined && !isNamed(place.city, cities)) return "cities";
  if (pops !== undefined && !isNamed(place.pop, pops)) return "pops";
  return null;
}

/** The same for what is known of a place that was observed. */
export function violatedRegion(
  region: Region,
  { regions, jurisdiction }: Constraints,
): "regions" | "jurisdiction" | null {
  if (regions !== undefined && !regions.includes(region)) return "regions";
  if (jurisdiction !== undefined && !JURISDICTION_REGIONS[jurisdiction].includes(region)) return "jurisdiction";
  return null;
}

export function isConstrained(constraints: Constraints): boolean {
  return CONSTRAINTS.some((name) => constraints[name] !== undefined);
}

/** Codes of airports and data centres are written in either case. */
function isNamed(name: string | null, names: readonly string[]): boolean {
  return name !== null && names.some((other) => other.toLowerCase() === name.toLowerCase());
}

/** Names the first constraint that no location can ever meet, disabled ones counted; null when one can. */
export function impossible(locations: readonly Place[], constraints: Constraints): keyof Constraints | null {
  let left = locations;
  for (const name of CONSTRAINTS) {
    const value = constraints[name];
    if (value === undefined) continue;
    left = left.filter((location) => violated(location, { [name]: value }) === null);
    if (left.length === 0) return name;
  }
  return null;
}

export function isRegion(text: string): text is Region {
  return REGIONS.some((region) => region === text);
}
