/**
 * What this proxy leads to, from its environment. Read once, at the start: a mistake ends the process with a sentence that
 * says where it is, and not the first request that meets it.
 */

export interface Upstream {
  /** `/api`: what is below it goes to the upstream, without the prefix. Never ends with a slash. */
  readonly prefix: string;
  readonly origin: string;
  /** Of the upstream, before every path. Empty, or it begins with a slash and does not end with one. */
  readonly basePath: string;
  /** What of its query goes along with every request is not possible: a base URL has none. */
  readonly methods: readonly string[];
  /** Null: all. Each is its segments, decoded; `*` as the last is all that is below. */
  readonly paths: readonly (readonly string[])[] | null;
  /** Set on every request, whatever the caller sends. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of the caller that are kept back where they are not named here. */
  readonly forward: ReadonlySet<string>;
  /** Headers of the upstream that are kept back where they are not named here. */
  readonly expose: ReadonlySet<string>;
}

export interface Configuration {
  /** Longest prefix first. */
  readonly upstreams: readonly Upstream[];
  readonly corsOrigins: "*" | ReadonlySet<string>;
  readonly maxBodyBytes: number;
  readonly connectMs: number;
  /** From the end of the request to the headers of the answer. */
  readonly headersMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

export class ConfigurationError extends Error {}

export const DEFAULT_UPSTREAMS = { "/api": { url: "https://jsonplaceholder.typicode.com" } };
const DEFAULT_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const FIELDS = new Set(["url", "methods", "paths", "headers", "forward", "expose"]);
/** Answered by the proxy itself, or never sent on. */
const NO_METHODS = new Set(["OPTIONS", "CONNECT", "TRACE"]);
/** A timer takes no more. */
const MAX_MS = 2_147_483_647;

type Variables = Readonly<Record<string, string | undefined>>;

export function readConfiguration(env: Variables): Configuration {
  const text = env["API_PROXY_UPSTREAMS"];
  const upstreams = upstreamsOf(text === undefined || text === "" ? DEFAULT_UPSTREAMS : jsonOf(text));
  return {
    upstreams: upstreams.toSorted((a, b) => b.prefix.length - a.prefix.length),
    corsOrigins: originsOf(env["API_PROXY_CORS_ORIGINS"]),
    maxBodyBytes: numberOf(env, "API_PROXY_MAX_BODY_BYTES", 100 * 1_048_576, Number.MAX_SAFE_INTEGER),
    connectMs: numberOf(env, "API_PROXY_CONNECT_TIMEOUT_MS", 5_000, MAX_MS),
    headersMs: numberOf(env, "API_PROXY_HEADERS_TIMEOUT_MS", 30_000, MAX_MS),
    idleMs: numberOf(env, "API_PROXY_IDLE_TIMEOUT_MS", 60_000, MAX_MS),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`API_PROXY_UPSTREAMS is no JSON: ${String(error)}`);
  }
}

function upstreamsOf(value: unknown): Upstream[] {
  const entries = Object.entries(recordOf(value, "API_PROXY_UPSTREAMS"));
  if (entries.length === 0) throw new ConfigurationError("API_PROXY_UPSTREAMS: names no upstream");
  return entries.map(([prefix, settings]) => upstreamOf(prefix, settings));
}

function upstreamOf(prefix: string, value: unknown): Upstream {
  const at = `API_PROXY_UPSTREAMS: ${JSON.stringify(prefix)}`;
  if (!/^(?:\/[\w.~-]+)+$/.test(prefix) || prefix.split("/").some((part) => part === "." || part === "..")) {
    throw new ConfigurationError(`${at} is no prefix: /api, of letters, digits and -._~, without a slash at its end`);
  }
  if (prefix === "/health") throw new ConfigurationError(`${at} is the proxy's own`);
  const settings = recordOf(value, at);
  const unknown = Object.keys(settings).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw new ConfigurationError(`${at}: there is no setting ${unknown}`);
  const { origin, basePath } = baseOf(settings["url"], at);
  const methods = textsOf(settings["methods"], `${at}.methods`) ?? DEFAULT_METHODS;
  const noMethod = methods.find((method) => !/^[A-Z]{1,32}$/.test(method) || NO_METHODS.has(method));
  if (noMethod !== undefined) throw new ConfigurationError(`${at}.methods: ${noMethod} cannot be passed on`);
  return {
    prefix,
    origin,
    basePath,
    methods,
    paths: textsOf(settings["paths"], `${at}.paths`)?.map((path) => patternOf(path, at)) ?? null,
    headers: headersOf(settings["headers"], `${at}.headers`),
    forward: namesOf(settings["forward"], `${at}.forward`),
    expose: namesOf(settings["expose"], `${at}.expose`),
  };
}

function baseOf(value: unknown, at: string): { origin: string; basePath: string } {
  const url = typeof value === "string" ? URL.parse(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError(`${at}.url must be the URL of an upstream: https://api.example.com/v1`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new ConfigurationError(`${at}.url can have a host, a port and a path, and nothing else`);
  }
  return { origin: url.origin, basePath: url.pathname.replace(/\/+$/, "") };
}

function patternOf(path: string, at: string): string[] {
  if (!path.startsWith("/")) throw new ConfigurationError(`${at}.paths: ${path} does not begin with a slash`);
  const segments = path.slice(1).split("/");
  if (segments.slice(0, -1).includes("*")) {
    throw new ConfigurationError(`${at}.paths: ${path}: a * stands at the end, for all that is below`);
  }
  return segments;
}

function headersOf(value: unknown, at: string): Record<string, string> {
  if (value === undefined) return {};
  return Object.fromEntries(
    Object.entries(recordOf(value, at)).map(([name, text]) => {
      if (!HEADER_NAME.test(name.toLowerCase()) || typeof text !== "string" || !HEADER_VALUE.test(text)) {
        throw new ConfigurationError(`${at}: ${JSON.stringify(name)} is no header with a text as its value`);
      }
      return [name.toLowerCase(), text];
    }),
  );
}

function namesOf(value: unknown, at: string): Set<string> {
  const names = (textsOf(value, at) ?? []).map((name) => name.toLowerCase());
  const wrong = names.find((name) => !HEADER_NAME.test(name));
  if (wrong !== undefined) throw new ConfigurationError(`${at}: ${JSON.stringify(wrong)} is no name of a header`);
  return new Set(names);
}

function textsOf(value: unknown, at: string): string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((text) => typeof text === "string") || value.length === 0) {
    throw new ConfigurationError(`${at} must be a list of texts`);
  }
  return value;
}

function recordOf(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ConfigurationError(`${at} must be an object`);
}

function originsOf(text: string | undefined): "*" | ReadonlySet<string> {
  if (text === undefined || text === "*") return "*";
  const origins = text
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  const wrong = origins.find((origin) => URL.parse(origin)?.origin !== origin);
  if (wrong !== undefined) {
    throw new ConfigurationError(`API_PROXY_CORS_ORIGINS: ${wrong} is no origin: https://app.example.com, or *`);
  }
  return new Set(origins);
}

function numberOf(env: Variables, name: string, preset: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === "") return preset;
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && number <= most) return number;
  throw new ConfigurationError(`${name} is ${JSON.stringify(text)}: give a number from 1 to ${most}`);
}
