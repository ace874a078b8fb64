/**
 * Which container a call is for, and its address. Ids and paths come from users of the calling Worker: neither may
 * reach another instance, another port or another application than the one that was named.
 */
import { CALL_HEADER, GANTRY_ORIGIN, type CallHeader, type CallMode } from "../binding.ts";
import { invalidInput } from "../errors.ts";
import type { CallInput } from "./replay.ts";

export interface Target {
  readonly application: string;
  readonly mode: CallMode;
  /** Of the modes that name an instance. */
  readonly id?: string;
  readonly port?: number;
  readonly size?: number;
  readonly waitMs?: number;
}

export function addressOf(target: Target, input: CallInput): string {
  const { application, id, port } = target;
  const instance = id === undefined ? "" : `/@${encodeURIComponent(id)}`;
  const path = distinct(pathOf(input), id, port);
  return `${GANTRY_ORIGIN}/a/${application}${instance}${port === undefined ? "" : `/:${port}`}${path}`;
}

/** A path that would read as an id or a port gets its first sign encoded, which names the same resource (RFC 3986, 3.3). */
function distinct(path: string, id: string | undefined, port: number | undefined): string {
  if (port !== undefined) return path;
  if (id === undefined && path.startsWith("/@")) return `/%40${path.slice(2)}`;
  return path.startsWith("/:") ? `/%3A${path.slice(2)}` : path;
}

export function headerOf(target: Target, exclude: readonly string[]): readonly [string, string] {
  const { mode, size, waitMs } = target;
  const header: CallHeader = {
    mode,
    ...(exclude.length === 0 ? {} : { exclude }),
    ...(size === undefined ? {} : { size }),
    ...(waitMs === undefined ? {} : { waitMs }),
  };
  return [CALL_HEADER, JSON.stringify(header)];
}

/** Path and query. Dot segments are resolved here, where they cannot climb out of the application's own root. */
export function pathOf(input: CallInput): string {
  if (input instanceof Request) return partsOf(new URL(input.url));
  if (input instanceof URL) return partsOf(input);
  // Put behind an origin of its own, since `//host/x` would be taken for another host.
  const text = input.startsWith("/") ? `http://container${input}` : input;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^(?:https?|wss?):$/.test(url.protocol)) {
    throw invalidInput("fetch", { path: `must begin with / or be a whole URL; it is ${JSON.stringify(input)}` });
  }
  return partsOf(url);
}

function partsOf({ pathname, search }: URL): string {
  return `${pathname}${search}`;
}

/** What Gantry takes as an instance's name. */
export function checkId(id: unknown): string {
  if (typeof id === "string" && /^[\x21-\x7e]{1,128}$/.test(id)) return id;
  const rule = "must be 1 to 128 visible ASCII characters: encode or hash what is longer or has others";
  throw invalidInput("get", { id: rule });
}

export function checkPort(port: unknown): number {
  if (isWhole(port, 1, 65_535)) return port;
  throw invalidInput("port", { port: `must be a whole number from 1 to 65535; it is ${String(port)}` });
}

export function checkSize(size: number | undefined): number | undefined {
  if (size === undefined || isWhole(size, 1, 10_000)) return size;
  throw invalidInput("pool", { size: `must be a whole number from 1 to 10000; it is ${String(size)}` });
}

export function checkWait(waitMs: number | undefined): number | undefined {
  if (waitMs === undefined || isWhole(waitMs, 0, 600_000)) return waitMs;
  throw invalidInput("call options", {
    waitMs: `must be a whole number of milliseconds from 0 to 600000; it is ${String(waitMs)}`,
  });
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}
