/** Which of many host patterns match one host, without a look at each. */
import { parseAddress, parseRange, prefixOf, type Address } from "./address.ts";
import type { HostPattern } from "./policy.ts";

/** In the form of `canonicalHost`. */
export interface Host {
  readonly text: string;
  /** Null for a name. */
  readonly address: Address | null;
}

export function toHost(text: string): Host {
  return { text, address: parseAddress(text) };
}

/** Places in the list that it was made of, ascending and each once. */
type Places = readonly number[];

export interface HostIndex {
  /** By name or address. */
  readonly exact: ReadonlyMap<string, Places>;
  /** Of `*.example.com` by `example.com`. */
  readonly below: ReadonlyMap<string, Places>;
  readonly ranges: Readonly<Record<4 | 6, readonly RangeIndex[]>>;
}

/** All ranges whose prefixes have one length. */
interface RangeIndex {
  readonly bits: number;
  readonly byPrefix: ReadonlyMap<number | bigint, Places>;
}

const NONE: Places = [];

/** From the patterns at each place, which are as `hostPattern` gives them. */
export function indexHosts(list: readonly (readonly HostPattern[])[]): HostIndex {
  const exact = new Map<string, number[]>();
  const below = new Map<string, number[]>();
  const ranges = {
    4: new Map<number, Map<number | bigint, number[]>>(),
    6: new Map<number, Map<number | bigint, number[]>>(),
  };
  for (const [place, patterns] of list.entries()) {
    for (const pattern of patterns) {
      const range = pattern.includes("/") ? parseRange(pattern) : null;
      if (pattern.startsWith("*.")) add(below, pattern.slice(2), place);
      else if (range === null) add(exact, pattern, place);
      else {
        const ofLength = ranges[range.family].get(range.bits) ?? new Map<number | bigint, number[]>();
        ranges[range.family].set(range.bits, ofLength);
        add(ofLength, prefixOf(range, range.bits), place);
      }
    }
  }
  const listed = (family: 4 | 6) => Array.from(ranges[family], ([bits, byPrefix]) => ({ bits, byPrefix }));
  return { exact, below, ranges: { 4: listed(4), 6: listed(6) } };
}

export function placesOf(index: HostIndex, { text, address }: Host): Places {
  const found: Places[] = [];
  const take = (places: Places | undefined) => {
    if (places !== undefined) found.push(places);
  };
  take(index.exact.get(text));
  if (address !== null) {
    for (const { bits, byPrefix } of index.ranges[address.family]) take(byPrefix.get(prefixOf(address, bits)));
  } else if (index.below.size > 0) {
    for (let dot = text.indexOf("."); dot !== -1; dot = text.indexOf(".", dot + 1)) {
      take(index.below.get(text.slice(dot + 1)));
    }
  }
  if (found.length < 2) return found[0] ?? NONE;
  return [...new Set(found.flat())].toSorted((a, b) => a - b);
}

function add<K>(map: Map<K, number[]>, key: K, place: number): void {
  const places = map.get(key);
  if (places === undefined) map.set(key, [place]);
  else if (places.at(-1) !== place) places.push(place);
}
