/**
 * The addresses that Gantry gives to instances: one private IPv4 range and one IPv6 prefix for all accounts, cut into
 * blocks of which an account has as many as it needs. From an address alone follows its block. Pure.
 *
 * These addresses name instances to Gantry's ingress; no network routes them.
 */

export type AddressType = "v4" | "v6";

export interface AddressRange {
  readonly type: AddressType;
  /** How many blocks there are. */
  readonly blocks: number;
  /** Length of a block's prefix. */
  readonly subnetMask: number;
  /** Offsets of addresses in a block run from 1 to this. */
  readonly maxOffset: number;
  readonly prefixOf: (block: number) => string;
  readonly addressOf: (prefix: string, offset: number) => string;
  /** The prefix of the block that an address, in its canonical form, is of; null when it is not in the range. */
  readonly blockOf: (address: string) => string | null;
}

export const DEFAULT_IPV4_RANGE = "10.128.0.0/16";
export const DEFAULT_IPV6_PREFIX = "fd67:616e:7472::/48";

export interface AddressConfiguration {
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
}

/** Null for a variable that is no range: then there are no addresses of that type. */
export function addressRange(type: AddressType, { ipv4, ipv6 }: AddressConfiguration): AddressRange | null {
  if (type === "v4") return ipv4Range(ipv4 === undefined || ipv4 === "" ? DEFAULT_IPV4_RANGE : ipv4);
  return ipv6Range(ipv6 === undefined || ipv6 === "" ? DEFAULT_IPV6_PREFIX : ipv6);
}

/** A block is a /24, without its network and broadcast addresses. */
function ipv4Range(text: string): AddressRange | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return null;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits < 8 || bits > 24) return null;
  const blocks = 2 ** (24 - bits);
  const base = Math.floor((a * 65_536 + b * 256 + c) / blocks) * blocks;
  return {
    type: "v4",
    blocks,
    subnetMask: 24,
    maxOffset: 254,
    prefixOf: (block) => {
      const number = base + block;
      return `${Math.floor(number / 65_536)}.${Math.floor(number / 256) % 256}.${number % 256}`;
    },
    addressOf: (prefix, offset) => `${prefix}.${offset}`,
    blockOf: (address) => {
      const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/.exec(address)?.slice(1).map(Number);
      if (parts === undefined) return null;
      const [x = 0, y = 0, z = 0] = parts;
      const block = x * 65_536 + y * 256 + z - base;
      return block >= 0 && block < blocks ? parts.join(".") : null;
    },
  };
}

const V6_BLOCKS = 65_536;
const V6_MAX_OFFSET = 65_535;

/** A block is a /64 of the /48; its addresses differ in the last group. */
function ipv6Range(text: string): AddressRange | null {
  const [address = "", bits] = text.split("/");
  const groups = bits === "48" ? ipv6Groups(address) : null;
  if (groups === null || groups.slice(3).some((group) => group !== 0)) return null;
  const prefix = groups.slice(0, 3);
  return {
    type: "v6",
    blocks: V6_BLOCKS,
    subnetMask: 64,
    maxOffset: V6_MAX_OFFSET,
    prefixOf: (block) => [...prefix, block].map(hex).join(":"),
    addressOf: (block, offset) => canonicalAddress(`[${block}:0:0:0:${hex(offset)}]`) ?? "",
    blockOf: (candidate) => {
      const parts = ipv6Groups(candidate);
      if (parts === null || prefix.some((group, index) => group !== parts[index])) return null;
      return parts.slice(0, 4).map(hex).join(":");
    },
  };
}

/** An address as a URL's host writes it, without brackets; null when it is none. */
export function canonicalAddress(host: string): string | null {
  const url = URL.parse(`http://${host}/`);
  if (url === null) return null;
  const { hostname } = url;
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : null;
}

function ipv6Groups(address: string): number[] | null {
  const canonical = canonicalAddress(`[${address}]`);
  if (canonical === null) return null;
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}

function hex(value: number): string {
  return value.toString(16);
}

/**
 * A free offset, or null when none is left. The search begins at a place that follows from the owner, so that it is
 * short, and an address that was given back is not the very next one to be given out.
 */
export function chooseOffset(max: number, seed: number, isTaken: (offset: number) => boolean): number | null {
  for (let step = 0; step < max; step += 1) {
    const offset = ((seed + step) % max) + 1;
    if (!isTaken(offset)) return offset;
  }
  return null;
}
