/**
 * Addresses as numbers: which range one is in, and which of them belong to no one on the internet. Pure, for hosts in the
 * form of `canonicalHost`.
 */

export type Address = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly value: bigint };

export type Range = Address & { readonly bits: number };

/** Null for a host that is a name. */
export function parseAddress(host: string): Address | null {
  if (host.includes(":")) return { family: 6, value: ipv6Value(host) };
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? { family: 4, value: ipv4Value(host) } : null;
}

/** An address is a range of one. Null for a name. */
export function parseRange(pattern: string): Range | null {
  const [host = "", bits] = pattern.split("/");
  const address = parseAddress(host);
  if (address === null) return null;
  return { ...address, bits: bits === undefined ? widthOf(address) : Number(bits) };
}

export function widthOf({ family }: Address): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** What all addresses of a range of this length begin with. */
export function prefixOf(address: Address, bits: number): number | bigint {
  if (address.family === 6) return address.value >> BigInt(128 - bits);
  // A shift by 32 would be one by 0.
  return bits === 0 ? 0 : address.value >>> (32 - bits);
}

export function isInRange(address: Address, range: Range): boolean {
  return address.family === range.family && prefixOf(address, range.bits) === prefixOf(range, range.bits);
}

/** The IPv4 address that a gateway between the two kinds would carry on to, in dotted form. */
export function embeddedIpv4(address: Address): string | null {
  const value = embeddedValue(address);
  return value === null ? null : ipv4Text(value);
}

/**
 * Whether an address is private, reserved, or one that only says something where it is asked, such as a cloud's
 * metadata. A name that leads to such an address cannot be told here.
 */
export function isPrivateAddress(address: Address): boolean {
  if (address.family === 4) return isPrivateIpv4(address);
  if (isInRange(address, NAT64) || isInRange(address, SIX_TO_FOUR)) {
    return isPrivateIpv4({ family: 4, value: embeddedValue(address) ?? 0 });
  }
  return !isInRange(address, GLOBAL_IPV6) || RESERVED_IPV6.some((range) => isInRange(address, range));
}

const PRIVATE_SUFFIXES = [
  "localhost",
  "local",
  "localdomain",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
].map((name) => `.${name}`);

/** Names that mean something else to everyone who asks: single labels, and those that no public zone has. */
export function isPrivateName(host: string): boolean {
  return !host.includes(".") || PRIVATE_SUFFIXES.some((suffix) => `.${host}`.endsWith(suffix));
}

/** From the eight groups of four bytes that a mapped address ends in. Null for any other. */
export function unmapped(ipv6: string): string | null {
  const groups = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ipv6);
  if (groups === null) return null;
  const [high = 0, low = 0] = groups.slice(1).map((group) => Number.parseInt(group, 16));
  return ipv4Text(high * 0x1_00_00 + low);
}

export function ipv4Text(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join(".");
}

/** As a URL writes it: without leading zeros, the first longest run of zero groups as `::`. */
export function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  ).join(":");
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}

function ipv4Value(host: string): number {
  return host.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function ipv6Value(host: string): bigint {
  const [head = "", tail] = host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  return BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`);
}

function isPrivateIpv4(address: Address): boolean {
  return PRIVATE_IPV4.some((range) => isInRange(address, range));
}

function embeddedValue(address: Address): number | null {
  if (address.family === 4) return null;
  if (isInRange(address, NAT64) || isInRange(address, IPV4_COMPATIBLE)) return Number(address.value & 0xffff_ffffn);
  return isInRange(address, SIX_TO_FOUR) ? Number((address.value >> 80n) & 0xffff_ffffn) : null;
}

function toRange(text: string): Range {
  const parsed = parseRange(text);
  if (parsed === null) throw new Error(`${text} is no range`);
  return parsed;
}

const NAT64 = toRange("64:ff9b::/96");
const SIX_TO_FOUR = toRange("2002::/16");
const IPV4_COMPATIBLE = toRange("::/96");

/** All that was ever given out to be reached from everywhere. */
const GLOBAL_IPV6 = toRange("2000::/3");

/** Of that, by the registries of special-purpose addresses. */
const RESERVED_IPV6 = [
  // Protocols, among them Teredo, which carries an IPv4 address in disguise.
  "2001::/23",
  "2001:db8::/32",
  "3fff::/20",
].map(toRange);

const PRIVATE_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  // Where most clouds keep their metadata.
  "169.254.0.0/16",
  // Where one of them keeps more.
  "168.63.129.16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
].map(toRange);
