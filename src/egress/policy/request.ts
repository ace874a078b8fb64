/** What is asked, read once: host, port, method and path in the form in which rules are compared with them. */
import type { Asked } from "./decision.ts";
import { embeddedIpv4 } from "./address.ts";
import { hostOfUrl } from "./host.ts";
import { toHost, type Host } from "./host-index.ts";

export interface ReadRequest {
  readonly host: Host;
  /** The IPv4 address that an IPv6 address leads to by a gateway. */
  readonly embedded: Host | null;
  readonly isHttps: boolean;
  readonly port: number;
  /** Upper case. */
  readonly method: string;
  readonly pathname: string;
}

export interface Malformed {
  /** Normalised where that is possible. */
  readonly hostText: string;
  readonly part: "url" | "scheme" | "userinfo" | "host" | "port" | "method";
}

const MAX_HOST = 253;
/** A server says back what it was sent, credentials too (TRACE), or becomes a way to everywhere (CONNECT). */
const NEVER_SENT: ReadonlySet<string> = new Set(["TRACE", "TRACK", "CONNECT"]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function readRequest({ url: text, method }: Asked): ReadRequest | Malformed {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return { hostText: writtenHost(text), part: "url" };
  const isHttps = url.protocol === "https:";
  if (!isHttps && url.protocol !== "http:") return { hostText: writtenHost(text), part: "scheme" };
  const name = hostOfUrl(url);
  if (name === null) return { hostText: cut(url.hostname), part: "host" };
  // Before its first colon or @ the parser has taken the text for a user's name, and what is behind for the host.
  if (url.username !== "" || url.password !== "") return { hostText: name, part: "userinfo" };
  const port = url.port === "" ? (isHttps ? 443 : 80) : Number(url.port);
  if (port !== 80 && port !== 443) return { hostText: name, part: "port" };
  if (!TOKEN.test(method) || NEVER_SENT.has(method.toUpperCase())) return { hostText: name, part: "method" };
  const host = toHost(name);
  const embedded = host.address === null ? null : embeddedIpv4(host.address);
  return {
    host,
    embedded: embedded === null ? null : toHost(embedded),
    isHttps,
    port,
    method: method.toUpperCase(),
    pathname: url.pathname,
  };
}

/** Never what is before an @, which could be a password. */
function writtenHost(text: string): string {
  const authority = /^\s*[a-z][a-z0-9+.-]*:[/\\]{2,}([^/?#\\]*)/i.exec(text.slice(0, 4_096))?.[1] ?? "";
  return cut(authority.slice(authority.lastIndexOf("@") + 1));
}

function cut(text: string): string {
  return text.slice(0, MAX_HOST).toWellFormed();
}
