/** How far regions are from each other and from a point on the earth, by great circle between what stands for them. Pure. */
import { REGIONS, type Region } from "./location.ts";

export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

/** Latitude and longitude of where most of a region's data centres and people are; the first is its centre. */
const POINTS: Readonly<Record<Region, readonly [Place, ...Place[]]>> = {
  AFR: [
    [-5, 25],
    [-26, 28],
    [6, 3],
    [-1, 37],
    [34, -7],
  ],
  APAC: [
    [22, 110],
    [1, 104],
    [36, 140],
    [19, 77],
  ],
  EEUR: [
    [50, 24],
    [52, 21],
    [44, 26],
    [56, 38],
  ],
  ENAM: [
    [39, -79],
    [42, -88],
    [26, -80],
  ],
  ME: [
    [26, 50],
    [32, 35],
    [25, 55],
    [39, 33],
    [30, 31],
  ],
  OC: [
    [-33, 148],
    [-37, 175],
    [-32, 116],
  ],
  SAM: [
    [-20, -50],
    [-34, -58],
    [4, -74],
  ],
  WEUR: [
    [49, 4],
    [51, 0],
    [50, 9],
    [40, -4],
    [45, 9],
    [60, 11],
  ],
  WNAM: [
    [40, -120],
    [34, -118],
    [48, -122],
    [40, -105],
  ],
};
type Place = readonly [latitude: number, longitude: number];

const EARTH_RADIUS_KM = 6_371;

export function distanceKm(a: Point, b: Point): number {
  const [latitude, other] = [radians(a.latitude), radians(b.latitude)];
  const chord =
    Math.sin((other - latitude) / 2) ** 2 +
    Math.cos(latitude) * Math.cos(other) * Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** From the middle of the earth. */
type Vector = readonly [x: number, y: number, z: number];

function vectorOf({ latitude, longitude }: Point): Vector {
  const [up, around] = [radians(latitude), radians(longitude)];
  return [Math.cos(up) * Math.cos(around), Math.cos(up) * Math.sin(around), Math.sin(up)];
}

const VECTORS: readonly (readonly [Region, Vector])[] = REGIONS.flatMap((region) =>
  POINTS[region].map((place) => [region, vectorOf(pointOf(place))] as const),
);

/** The region that has a point next to this one. Asked for each request: the angle says the same as the distance. */
export function regionAt(point: Point): Region {
  const [x, y, z] = vectorOf(point);
  let nearest: Region = "ENAM";
  let most = Number.NEGATIVE_INFINITY;
  for (const [region, other] of VECTORS) {
    const cosine = x * other[0] + y * other[1] + z * other[2];
    if (cosine <= most) continue;
    most = cosine;
    nearest = region;
  }
  return nearest;
}

const ORDERS: Readonly<Record<Region, readonly Region[]>> = byRegion((from) => {
  const centre = pointOf(POINTS[from][0]);
  return sortedBy(REGIONS, (region) => distanceKm(centre, pointOf(POINTS[region][0])));
});

/** All regions, itself first. */
export function nearestFirst(region: Region): readonly Region[] {
  return ORDERS[region];
}

function byRegion<T>(make: (region: Region) => T): Record<Region, T> {
  return Object.fromEntries(REGIONS.map((region) => [region, make(region)])) as Record<Region, T>;
}

function sortedBy(regions: readonly Region[], keyOf: (region: Region) => number): Region[] {
  return regions
    .map((region) => ({ region, key: keyOf(region) }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ region }) => region);
}

function pointOf([latitude, longitude]: Place): Point {
  return { latitude, longitude };
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
