/**
 * A host in an egress list, brought to the form that Gantry compares. What looks like a pattern and would match something
 * else than its author meant is refused.
 */

export type HostPattern = { readonly pattern: string } | { readonly problem: string };

const CIDR = /^(?<address>[0-9a-fA-F.:]+)\/(?<bits>\d{1,3})$/;

export function hostPattern(text: string): HostPattern {
  const host = text.trim();
  if (host === "") return problem("must not be empty");
  if (host !== text) return problem("must have no blanks around it");
  if (host === "*") return problem("is every host: use enableInternet in its place");
  if (host.includes("://"))
    return problem(`is a URL: write the host alone, ${quote(hostnameOf(host) ?? "api.example.com")}`);
  const cidr = CIDR.exec(host)?.groups;
  if (cidr !== undefined) return cidrPattern(cidr["address"] as string, Number(cidr["bits"]), host);
  if (host.startsWith("[") || /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:/.test(host)) return address(host.replace(/^\[|\]$/g, ""));
  if (/:\d+$/.test(host)) return problem("has a port, which no list can name: write the host alone");
  if (/[/?#@\s\\%]/.test(host)) return problem("is not a host name: write it alone, without a path");
  const base = host.startsWith("*.") ? host.slice(2) : host;
  if (base.includes("*")) {
    return problem(
      'has a * in another place than in front: "*.example.com" is every host below example.com, and not itself',
    );
  }
  const canonical = canonicalHost(base);
  if (canonical === null) return problem("is not a host name");
  if (base !== host && /^[\d.]+$/.test(canonical)) return problem("is an address: write a range such as 10.0.0.0/8");
  return { pattern: base === host ? canonical : `*.${canonical}` };
}

/** Lower case, punycode, no dot at the end, addresses in their one form. */
function canonicalHost(host: string): string | null {
  const hostname = hostnameOf(`http://${host}/`)?.replace(/\.$/, "") ?? "";
  const labels = hostname.split(".");
  const isName =
    hostname.length <= 253 && labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return isName ? hostname : null;
}

function address(text: string): HostPattern {
  const hostname = hostnameOf(`http://[${text}]/`);
  return hostname === undefined ? problem("is not an IPv6 address") : { pattern: hostname.slice(1, -1) };
}

function cidrPattern(text: string, bits: number, whole: string): HostPattern {
  const isV6 = text.includes(":");
  const known = isV6 ? address(text) : { pattern: canonicalHost(text) ?? "" };
  if ("problem" in known || (!isV6 && known.pattern !== text)) return problem(`is not a range of addresses: ${whole}`);
  const most = isV6 ? 128 : 32;
  return bits > most ? problem(`has a prefix of more than ${most} bits`) : { pattern: `${known.pattern}/${bits}` };
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function problem(text: string): HostPattern {
  return { problem: text };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
