/**
 * Hosts in the one form in which they are compared: those that containers ask for, and those that authors write into
 * lists. Two spellings of one host must not be two hosts, and what looks like a pattern and would match something else than
 * its author meant is refused. Shared by the control plane and the SDK: no runtime's own modules here.
 */
import { ipv4Text, ipv6Text, parseRange, prefixOf, unmapped, widthOf, type Address, type Range } from "./address.ts";

export type ParsedHostPattern = { readonly pattern: string } | { readonly problem: string };

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const IPV6_CHARACTERS = /^[0-9a-fA-F:.]+$/;
const CIDR = /^(?<address>[0-9a-fA-F.:]+)\/(?<bits>\d{1,3})$/;

/**
 * Lower case, punycode, no dot at the end; an address in its shortest form, without brackets, and the IPv4 address in place
 * of an IPv6 address that only maps it. Null for what is no host.
 */
export function canonicalHost(text: string): string | null {
  if (text.includes(":") && !text.startsWith("[")) return canonicalIpv6(text);
  if (text.startsWith("[")) return text.endsWith("]") ? canonicalIpv6(text.slice(1, -1)) : null;
  // The URL parser would read a part of the text as something else, or drop it.
  if (/[\s/\\?#@]/.test(text) || hasControls(text)) return null;
  const url = parsed(`http://${text}/`);
  return url === null ? null : hostOfUrl(url);
}

/** The same of a URL that is parsed already, which is where spellings of IPv4 addresses and of Unicode end. */
export function hostOfUrl({ hostname }: URL): string | null {
  if (hostname.startsWith("[")) {
    const address = hostname.slice(1, -1);
    return unmapped(address) ?? address;
  }
  const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  return NAME.test(name) ? name : null;
}

/** `api.example.com`, `*.example.com`, an address or a range of addresses; problems say what to write in its place. */
export function hostPattern(text: string): ParsedHostPattern {
  const host = text.trim();
  if (host === "") return problem("must not be empty");
  if (host !== text) return problem("must have no blanks around it");
  if (host === "*") return problem('is every host: use enableInternet, in the API "default": "allow", in its place');
  if (host.includes("://")) {
    return problem(`is a URL: write the host alone, ${JSON.stringify(parsed(host)?.hostname || "api.example.com")}`);
  }
  const cidr = CIDR.exec(host)?.groups;
  if (cidr !== undefined) return rangePattern(cidr["address"] as string, Number(cidr["bits"]));
  if (host.startsWith("[") && !host.includes("]")) return problem("has a bracket that does not end");
  if (/:\d+$/.test(host) && (host.startsWith("[") || host.indexOf(":") === host.lastIndexOf(":"))) {
    return problem("has a port, which is no part of a host: write the host alone");
  }
  if (host.startsWith("[") || /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:/.test(host)) {
    const address = canonicalHost(host);
    return address === null ? problem("is not an IPv6 address") : { pattern: address };
  }
  if (/[/?#@\s\\%:]/.test(host)) return problem("is not a host name: write it alone, without a path");
  return namePattern(host);
}

function namePattern(host: string): ParsedHostPattern {
  const base = host.startsWith("*.") ? host.slice(2) : host;
  if (base.includes("*")) {
    return problem(
      'has a * in another place than in front: "*.example.com" is every host below example.com, and not itself',
    );
  }
  const canonical = canonicalHost(base);
  if (canonical === null) return problem("is not a host name");
  if (base === host) return { pattern: canonical };
  if (parseRange(canonical) !== null) return problem("is an address: write a range such as 10.0.0.0/8");
  return { pattern: `*.${canonical}` };
}

/** A range of one is the address; a range of mapped addresses is the IPv4 range. */
function rangePattern(text: string, bits: number): ParsedHostPattern {
  const isV6 = text.includes(":");
  const most = isV6 ? 128 : 32;
  if (bits > most) return problem(`has a prefix of more than ${most} bits`);
  const canonical = canonicalHost(text);
  const address = canonical === null ? null : parseRange(canonical);
  if (canonical === null || address === null || (!isV6 && canonical !== text)) {
    return problem("is not a range of addresses: write one such as 10.0.0.0/8 or fd00::/8");
  }
  const isMapped = isV6 && address.family === 4;
  if (isMapped && bits < 96)
    return problem("is a range of IPv4 addresses in IPv6 form: write it as one such as 10.0.0.0/8");
  const length = isMapped ? bits - 96 : bits;
  if (length === widthOf(address)) return { pattern: canonical };
  const first = firstOf(address, length);
  return first === canonical
    ? { pattern: `${canonical}/${length}` }
    : problem(`is an address within a range: write ${first}/${length} for all of it, or ${canonical}`);
}

function firstOf(range: Range, bits: number): string {
  const address: Address = range;
  const prefix = prefixOf(address, bits);
  // Multiplied, since a shift by 32 would be one by 0.
  return typeof prefix === "number" ? ipv4Text(prefix * 2 ** (32 - bits)) : ipv6Text(prefix << BigInt(128 - bits));
}

function canonicalIpv6(text: string): string | null {
  const url = IPV6_CHARACTERS.test(text) ? parsed(`http://[${text}]/`) : null;
  return url === null ? null : hostOfUrl(url);
}

function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) < 0x20) return true;
  }
  return false;
}

function parsed(url: string): URL | null {
  return URL.canParse(url) ? new URL(url) : null;
}

function problem(text: string): ParsedHostPattern {
  return { problem: text };
}
