/** What the operator sets, by environment variables, read once: what is wrong ends the start with its name. */
import type { RegistryAlias } from "./registry/registries.ts";

export interface ConfiguredRegistry extends RegistryAlias {
  /** What it is called for people. */
  readonly title: string;
}

export interface Config {
  readonly port: number;
  /** Those that are shown, and asked elsewhere than at the host of their name. */
  readonly registries: readonly ConfiguredRegistry[];
  /** Null: Docker Hub's searches and descriptions are not asked for. */
  readonly hubUrl: string | null;
  /** Addresses that keys and names are appended to; null: there is none. */
  readonly kvUrl: string | null;
  readonly r2Url: string | null;
  readonly stateUrl: string | null;
  /** Of a client in a minute; 0: as many as it likes. */
  readonly rateLimit: number;
  /** Set by what is in front of this server, and by nobody else; null: who connects is the client. */
  readonly clientHeader: string | null;
  /** Null: nobody may empty the caches. */
  readonly purgeToken: string | null;
  /** Registries on this machine or in its network may be asked. */
  readonly allowPrivate: boolean;
  /** Pages of other origins may read what it answers. */
  readonly isCrossOrigin: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_HUB = "https://hub.docker.com";
const DEFAULT_RATE = 100;
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/;

export function readConfig(env: Environment): Config {
  const configured = registries(env["DOWNLOADER_REGISTRIES"]);
  return {
    port: number(env, "PORT", 8_080, 65_535),
    registries: configured,
    hubUrl: address(env, "DOWNLOADER_HUB_URL", DEFAULT_HUB),
    kvUrl: address(env, "DOWNLOADER_KV_URL", null),
    r2Url: address(env, "DOWNLOADER_R2_URL", null),
    stateUrl: address(env, "DOWNLOADER_STATE_URL", null),
    rateLimit: number(env, "DOWNLOADER_RATE_LIMIT", DEFAULT_RATE, 10_000),
    clientHeader: env["DOWNLOADER_CLIENT_HEADER"]?.toLowerCase() || null,
    purgeToken: env["DOWNLOADER_PURGE_TOKEN"] || null,
    allowPrivate: env["DOWNLOADER_ALLOW_PRIVATE"] === "true",
    // What is read with a grant of the operator's is not for every page that somebody opens beside.
    isCrossOrigin: flag(
      env["DOWNLOADER_CROSS_ORIGIN"],
      configured.every(({ url }) => url === null || !isInternal(url)),
    ),
  };
}

/**
 * `[{"host": "127.0.0.1:8787", "url": "http://registry.gantry.internal", "title": "Gantry"}]`. Layers of Gantry's own are
 * in R2 already: they are cached only where `cache` says so.
 */
function registries(text: string | undefined): ConfiguredRegistry[] {
  if (text === undefined || text === "") return [];
  const list = parsed("DOWNLOADER_REGISTRIES", text);
  if (!Array.isArray(list)) throw wrong("DOWNLOADER_REGISTRIES", "must be a JSON list");
  return list.map((entry: unknown, index) => {
    const { host, url, title, cache } = (entry ?? {}) as Record<string, unknown>;
    const place = `DOWNLOADER_REGISTRIES[${index}]`;
    if (typeof host !== "string" || !HOST.test(host)) throw wrong(`${place}.host`, "must be a host, with its port");
    if (url !== undefined && (typeof url !== "string" || !isOrigin(url))) {
      throw wrong(`${place}.url`, "must be a URL without a path");
    }
    const origin = typeof url === "string" ? new URL(url).origin : null;
    return {
      host,
      url: origin,
      title: typeof title === "string" && title !== "" ? title.slice(0, 100) : host,
      cache: typeof cache === "boolean" ? cache : origin === null || !isInternal(origin),
    };
  });
}

function isInternal(origin: string): boolean {
  return new URL(origin).hostname.endsWith(".gantry.internal");
}

function isOrigin(text: string): boolean {
  return isAddress(text) && new URL(text).pathname === "/" && new URL(text).search === "";
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(name, "is not JSON");
  }
}

/** Empty: none. */
function address(env: Environment, name: string, otherwise: string | null): string | null {
  const text = env[name];
  if (text === undefined) return otherwise;
  if (text === "") return null;
  if (!isAddress(text)) throw wrong(name, "must be a URL, or empty");
  return text;
}

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:") && url.username === "";
}

function number(env: Environment, name: string, otherwise: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) throw wrong(name, `must be a whole number up to ${most}`);
  return value;
}

function flag(text: string | undefined, otherwise: boolean): boolean {
  if (text === undefined || text === "") return otherwise;
  if (text !== "true" && text !== "false") throw wrong("DOWNLOADER_CROSS_ORIGIN", "must be true or false");
  return text === "true";
}

function wrong(name: string, reason: string): Error {
  return new Error(`${name} ${reason}`);
}
