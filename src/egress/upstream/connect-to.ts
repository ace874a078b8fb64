/**
 * Where requests to a host really go, like curl's `--connect-to`: so that names of the outside are servers of a
 * developer's machine. Set in development alone. A value that cannot be read stops everything: a request that was meant
 * for a test's server must not reach the host itself.
 */
import { GantryError } from "../../errors.ts";

export const CONNECT_TO_VARIABLE = "GANTRY_EGRESS_CONNECT_TO";

/** Null: to where it says. */
export type ConnectTo = (url: URL) => URL | null;

interface Entry {
  /** `api.example.test`, an address, or a suffix such as `.example.test`, which is what a pattern stands for. */
  readonly host: string;
  readonly isPattern: boolean;
  readonly origin: URL;
}

export type ParsedConnectTo = { readonly entries: readonly Entry[] } | { readonly problem: string };

const EXAMPLE = '{"api.example.test": "http://127.0.0.1:4567", "*.example.test": "http://127.0.0.1:4568"}';
/** Everything that nothing else names. */
const EVERYTHING = "*";

export function parseConnectTo(text: string): ParsedConnectTo {
  if (text.trim() === "") return { entries: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `is no JSON; it is like ${EXAMPLE}` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: `must be an object like ${EXAMPLE}` };
  }
  const entries: Entry[] = [];
  for (const [pattern, target] of Object.entries(value)) {
    const host = hostOf(pattern);
    if (host === null) return { problem: `names ${pattern.slice(0, 100)}, which is no host, and no *.host` };
    const origin = originOf(target);
    if (origin === null) {
      return { problem: `sends ${pattern} to what is no origin: it must be like http://127.0.0.1:4567` };
    }
    entries.push({ ...host, origin });
  }
  return { entries };
}

/** A name by itself goes before a pattern, and a longer pattern before a shorter one. */
export function mapUrl(entries: readonly Entry[], url: URL): URL | null {
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  let best: Entry | null = null;
  for (const entry of entries) {
    if (!entry.isPattern) {
      if (entry.host !== host) continue;
      best = entry;
      break;
    }
    if (host.endsWith(entry.host) && (best === null || best.host.length < entry.host.length)) best = entry;
  }
  if (best === null) return null;
  const { protocol, host: authority } = best.origin;
  return new URL(`${protocol}//${authority}${url.pathname}${url.search}`);
}

let known: { readonly text: string; readonly connectTo: ConnectTo } | null = null;

/** Read once for each isolate; what is wrong with it is logged once, and said to everyone who asks. */
export function connectToOf(env: { readonly GANTRY_EGRESS_CONNECT_TO?: string }): ConnectTo {
  const text = env.GANTRY_EGRESS_CONNECT_TO ?? "";
  if (known?.text === text) return known.connectTo;
  const parsed = parseConnectTo(text);
  if ("problem" in parsed) {
    console.error({ message: "egress.connect-to.invalid", variable: CONNECT_TO_VARIABLE, problem: parsed.problem });
  }
  known = { text, connectTo: "problem" in parsed ? refusing(parsed.problem) : (url) => mapUrl(parsed.entries, url) };
  return known.connectTo;
}

function refusing(problem: string): ConnectTo {
  return () => {
    const message = `no request leaves while ${CONNECT_TO_VARIABLE} of the control plane is broken: it ${problem}`;
    throw new GantryError("EGRESS_MISCONFIGURED", message, { variable: CONNECT_TO_VARIABLE });
  };
}

function hostOf(pattern: string): Omit<Entry, "origin"> | null {
  if (pattern === EVERYTHING) return { host: "", isPattern: true };
  const isPattern = pattern.startsWith("*.");
  const name = isPattern ? pattern.slice(2) : pattern;
  const url = /[\s/\\?#@*]/.test(name) ? null : URL.parse(`http://${name}`);
  if (url === null || url.hostname === "" || url.port !== "") return null;
  const host = url.hostname.replace(/\.$/, "");
  return { host: isPattern ? `.${host}` : host, isPattern };
}

function originOf(target: unknown): URL | null {
  const url = typeof target === "string" ? URL.parse(target) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) return null;
  const isOrigin = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  return isOrigin && url.password === "" ? url : null;
}
