/**
 * Where a caller is, by what the platform says of its request: the nearest region to its coordinates, else that of its
 * country, its continent or the data centre that took it. Pure. Null where it says nothing: no region is preferred then.
 */
import { regionAt } from "../orchestrator/placement/distance.ts";
import type { Region } from "../orchestrator/placement/location.ts";

/** Of `request.cf`; what is no text is not there. */
interface CallerPlace {
  readonly latitude?: unknown;
  readonly longitude?: unknown;
  readonly country?: unknown;
  readonly continent?: unknown;
  readonly colo?: unknown;
}

const CONTINENTS: Readonly<Record<string, Region>> = {
  AF: "AFR",
  AS: "APAC",
  EU: "WEUR",
  NA: "ENAM",
  OC: "OC",
  SA: "SAM",
};

/** Those that are in another region than most of their continent. */
const COUNTRIES = tableOf({
  EEUR: "AL BA BG BY CZ EE FI GR HR HU LT LV MD ME MK PL RO RS RU SI SK UA XK",
  ME: "AE AM AZ BH CY EG GE IL IQ IR JO KW LB OM PS QA SA SY TR YE",
});

/** Large data centres, for callers of whom nothing else is known. */
const COLOS = tableOf({
  AFR: "ACC CMN CPT DAR DUR JNB KGL LOS MBA MPM NBO TUN",
  APAC: "BKK BLR BOM CGK DEL HKG HYD ICN KIX KUL MAA MNL NRT SGN SIN TPE",
  EEUR: "ATH BEG BUD HEL KBP KIV OTP PRG RIX SOF TLL VNO WAW ZAG",
  ENAM: "ATL BNA BOS BUF CLT CMH DTW EWR IAD JAX MCI MIA MSP ORD PHL PIT RIC STL TPA YUL YYZ",
  ME: "AMM BAH BEY CAI DOH DXB HFA IST JED KWI MCT RUH TLV",
  OC: "ADL AKL BNE CBR CHC HBA MEL PER SYD",
  SAM: "ASU BOG EZE FOR GIG GRU LIM MDE POA SCL UIO",
  WEUR: "AMS ARN BCN BRU CDG CPH DUB DUS EDI FRA GVA HAM LHR LIS LUX MAD MAN MRS MUC MXP OSL STR VIE ZRH",
  WNAM: "DEN DFW IAH LAS LAX PDX PHX SAN SEA SFO SJC SLC SMF YVR YYC",
});

export function callerRegion(cf: object = {}): Region | null {
  const said: CallerPlace = cf;
  const [latitude, longitude] = [degrees(said.latitude, 90), degrees(said.longitude, 180)];
  if (latitude !== null && longitude !== null) return regionAt({ latitude, longitude });
  return found(COUNTRIES, said.country) ?? found(CONTINENTS, said.continent) ?? found(COLOS, said.colo) ?? null;
}

/** The platform says them as text. */
function degrees(value: unknown, most: number): number | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const number = value === "" ? Number.NaN : Number(value);
  return Math.abs(number) <= most ? number : null;
}

function found(table: Readonly<Record<string, Region>>, key: unknown): Region | undefined {
  return typeof key === "string" && Object.hasOwn(table, key) ? table[key] : undefined;
}

function tableOf(codes: Partial<Record<Region, string>>): Record<string, Region> {
  // The keys are those of the argument.
  const entries = Object.entries(codes) as [Region, string][];
  return Object.fromEntries(
    entries.flatMap(([region, text]) => text.split(" ").map((code) => [code, region] as const)),
  );
}
