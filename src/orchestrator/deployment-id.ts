/**
 * Ids of deployments: `<place>-<shard>-<application id without dashes>-<random>`. An id leads to its application without
 * an index, to the scheduler object of it that has the deployment (`shards/sharding.ts`), and to where its own object is
 * made: `weur`, or `eu.weur` written `euweur` within a jurisdiction. At most 64 bytes, because it is also a label of the
 * container.
 */
import { toHex } from "../encoding.ts";
import { JURISDICTIONS, REGIONS, type Jurisdiction } from "./placement/location.ts";
import type { ObjectPlace } from "./placement/placing.ts";

/** Of what was placed without a location. */
const ANYWHERE = "auto";
const JURISDICTION_PREFIX: Readonly<Record<Jurisdiction, string>> = { eu: "eu", us: "us", fedramp: "fr" };
const RANDOM_BYTES = 6;
const FORMAT = /^([a-z]{1,10})-(\d{1,3})-([0-9a-f]{32})-([0-9a-f]{12})$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface DeploymentAddress {
  readonly region: string;
  readonly shard: number;
  readonly applicationId: string;
}

export function newDeploymentId(applicationId: string, place: ObjectPlace | null = null, shard = 0): string {
  if (!UUID.test(applicationId)) throw new Error(`application id ${applicationId} is not a UUID in lower case`);
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `${place === null ? ANYWHERE : placeText(place)}-${shard}-${applicationId.replaceAll("-", "")}-${toHex(random)}`;
}

function placeText({ region, jurisdiction }: ObjectPlace): string {
  return `${jurisdiction === null ? "" : JURISDICTION_PREFIX[jurisdiction]}${region.toLowerCase()}`;
}

const PLACES: ReadonlyMap<string, ObjectPlace> = new Map(
  [null, ...JURISDICTIONS].flatMap((jurisdiction) =>
    REGIONS.map((region) => [placeText({ region, jurisdiction }), { region, jurisdiction }] as const),
  ),
);

/** Where an id's object is made; null when it does not matter. */
export function placeOf(id: string): ObjectPlace | null {
  return PLACES.get(id.slice(0, id.indexOf("-"))) ?? null;
}

/** Null when it is no id of ours. That the deployment exists, only its application knows. */
export function parseDeploymentId(id: string): DeploymentAddress | null {
  const [, region, shard, digits] = FORMAT.exec(id) ?? [];
  if (region === undefined || shard === undefined || digits === undefined) return null;
  const applicationId = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { region, shard: Number(shard), applicationId };
}
