/** Which headers go on, in both directions. Names are in lower case, as Node has them. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Upstream } from "./configuration.ts";

/** Of the one connection that they came on (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Made anew for the upstream. */
const REMADE = new Set(["host", "expect", "forwarded", "x-real-ip", "via"]);
/** What is the caller's own, or was said to this proxy by what is in front of it: only where the upstream is to have it. */
const SECRET = new Set(["authorization", "cookie", "cookie2", "true-client-ip", "cdn-loop"]);
const SECRET_PREFIXES = ["cf-", "gantry-"];
/** About the upstream's own address, of which the caller knows nothing. */
const OF_ITS_HOST = new Set([
  "set-cookie",
  "set-cookie2",
  "alt-svc",
  "strict-transport-security",
  "content-location",
  "refresh",
  "clear-site-data",
  "nel",
  "report-to",
  "reporting-endpoints",
]);
const SELF = "1.1 api-proxy";

function connectionNamed(headers: IncomingHttpHeaders): Set<string> {
  return new Set((headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
}

export function upstreamHeaders(request: IncomingMessage, upstream: Upstream): OutgoingHttpHeaders {
  const { headers } = request;
  const named = connectionNamed(headers);
  const sent: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || named.has(name)) continue;
    if (REMADE.has(name) || name.startsWith("x-forwarded-")) continue;
    if (isSecret(name) && !upstream.forward.has(name)) continue;
    sent[name] = value;
  }
  const peer = request.socket.remoteAddress ?? "";
  const before = textOf(headers["x-forwarded-for"]);
  sent["x-forwarded-for"] = before === "" ? peer : `${before}, ${peer}`;
  sent["x-forwarded-host"] = textOf(headers["x-forwarded-host"]) || (headers.host ?? "");
  sent["x-forwarded-proto"] = textOf(headers["x-forwarded-proto"]) || "http";
  sent["via"] = [textOf(headers.via), SELF].filter((text) => text !== "").join(", ");
  return { ...sent, ...upstream.headers };
}

function isSecret(name: string): boolean {
  return SECRET.has(name) || SECRET_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Without `location`, which is for `rewrittenLocation`. */
export function answerHeaders(headers: IncomingHttpHeaders, { expose }: Upstream): OutgoingHttpHeaders {
  const named = connectionNamed(headers);
  const sent: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || named.has(name) || name === "location") continue;
    if (name.startsWith("access-control-") || name.startsWith("gantry-")) continue;
    if (OF_ITS_HOST.has(name) && !expose.has(name)) continue;
    sent[name] = value;
  }
  sent["via"] = [textOf(headers.via), SELF].filter((text) => text !== "").join(", ");
  return sent;
}

function textOf(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : (value ?? []).join(", ");
}
