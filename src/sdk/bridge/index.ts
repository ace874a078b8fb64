/**
 * The package `gantry/bridge`: what a container says to Gantry, and what it calls of the Worker that is bound as its
 * bridge target. For any JS runtime; without dependencies.
 *
 * Inside a container there is no token: Gantry knows who is calling. From outside, and for images whose traffic cannot be
 * intercepted, the same API takes a bearer token.
 */
import { invalidInput } from "../errors.ts";
import { holdBusy, type BusyLease, type BusyOptions } from "./busy.ts";
import { exchange, type Endpoint, type ExchangeOptions, type Message } from "./exchange.ts";

export { GantryError, type CallerCode, type GantryErrorCode } from "../errors.ts";
export type { BusyLease, BusyOptions } from "./busy.ts";
export { FunctionError, type ExchangeOptions } from "./exchange.ts";

export const CONTROL_URL = "http://control.gantry.internal";
const DEFAULT_TIMEOUT_MS = 30_000;

export interface BridgeOptions {
  /** Default `http://control.gantry.internal`, which exists inside containers only. */
  readonly baseUrl?: string;
  readonly token?: string;
  /** Default: the runtime's. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** For each request, its answer included. Default 30,000. */
  readonly timeoutMs?: number;
}

export type FunctionKind = "query" | "mutation" | "action";

export interface Progress {
  /** 0 to 1. */
  readonly fraction?: number;
  readonly message?: string;
}

export interface JobPayload {
  /** Its id. */
  readonly job: string;
  readonly name: string;
  /** From 0; `count` is how many there are. */
  readonly index: number;
  readonly count: number;
  /** Grows with every attempt of the job: who writes elsewhere can refuse what a replaced attempt still says. */
  readonly attempt: number;
  /** As it was submitted; null without one. */
  readonly payload: string | null;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface EnqueueOptions {
  /** Default, and the only one that may be named: the container's own application. */
  readonly application?: string;
  /** The same key makes one task, however often it is sent. */
  readonly key?: string;
  readonly delayMs?: number;
  /** By a job of its own, or a member of the pool. Default: a job, where the application has jobs. */
  readonly mode?: "run" | "http";
  /** What is called of a member of the pool. Default `/`. */
  readonly path?: string;
}

export interface Bridge {
  /** The job that the container is an attempt of, with what it was submitted with. Throws `NO_JOB` where there is none. */
  payload(options?: ExchangeOptions): Promise<JobPayload>;
  heartbeat(options?: ExchangeOptions): Promise<void>;
  /** Holds the container until it is released. */
  busy(options?: BusyOptions): Promise<BusyLease>;
  /** Holds the container while `work` runs. */
  whileBusy<T>(work: () => Promise<T>, options?: BusyOptions): Promise<T>;
  progress(progress: Progress, options?: ExchangeOptions): Promise<void>;
  /** The job's result; a second one replaces the first. */
  result(result: unknown, options?: ExchangeOptions): Promise<void>;
  log(
    level: LogLevel,
    message: string,
    fields?: Readonly<Record<string, unknown>>,
    options?: ExchangeOptions,
  ): Promise<void>;
  /** The id of the task that was made. */
  enqueue(payload: unknown, options?: EnqueueOptions & ExchangeOptions): Promise<{ readonly id: string }>;
  /** Calls a function of the bound Worker. Throws `FunctionError` for an error of the function. */
  call(functionPath: string, args?: unknown, kind?: FunctionKind, options?: ExchangeOptions): Promise<unknown>;
}

export function createBridge(options: BridgeOptions = {}): Bridge {
  const endpoint = endpointOf(options);
  const send = (message: Message, given?: ExchangeOptions) => exchange(endpoint, message, given);
  const tell = async (message: Message, given?: ExchangeOptions) => void (await send(message, given));
  const busy = (given: BusyOptions = {}) =>
    holdBusy(
      {
        renew: (ttlMs) => send({ method: "PUT", path: "/lease", body: { ttlMs }, isRepeatable: true }),
        release: () => send({ method: "DELETE", path: "/lease", isRepeatable: true }),
      },
      given,
    );
  return {
    busy,
    payload: async (given) =>
      (await send({ method: "GET", path: "/payload", isRepeatable: true }, given)) as JobPayload,
    heartbeat: (given) => tell({ method: "POST", path: "/heartbeat", body: {}, isRepeatable: true }, given),
    async whileBusy(work, given) {
      const lease = await busy(given);
      try {
        return await work();
      } finally {
        // It runs out by itself: what the work came to is not to be lost for that.
        await lease.release().catch((error: unknown) => given?.onError?.(error));
      }
    },
    async progress(progress, given) {
      checkProgress(progress);
      await tell({ method: "PUT", path: "/progress", body: progress, isRepeatable: true }, given);
    },
    result: (result, given) =>
      tell({ method: "PUT", path: "/result", body: { result: result ?? null }, isRepeatable: true }, given),
    log: (level, message, fields = {}, given) =>
      tell({ method: "POST", path: "/log", body: { level, message, fields }, isRepeatable: false }, given),
    async enqueue(payload, { timeoutMs, signal, ...job } = {}) {
      const body = { payload: payload ?? null, ...job };
      const given = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) };
      const isRepeatable = job.key !== undefined;
      return (await send({ method: "POST", path: "/enqueue", body, isRepeatable }, given)) as { id: string };
    },
    async call(functionPath, args = {}, kind = "action", given = {}) {
      if (functionPath.trim() === "") throw invalidInput("call", { functionPath: "must name a function" });
      const body = { functionPath, args, kind };
      return await send({ method: "POST", path: "/rpc", body, isRepeatable: kind === "query", isCall: true }, given);
    },
  };
}

function endpointOf({
  baseUrl = CONTROL_URL,
  token,
  fetch: own,
  timeoutMs = DEFAULT_TIMEOUT_MS,
}: BridgeOptions): Endpoint {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw invalidInput("createBridge", { baseUrl: `must be an http or https URL; it is ${JSON.stringify(baseUrl)}` });
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw invalidInput("createBridge", { baseUrl: "must have no credentials, query or fragment: give token" });
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw invalidInput("createBridge", {
      token: "must be visible characters: is a variable empty, or has a line end?",
    });
  }
  return {
    baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    headers: { accept: "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    fetch: own ?? ((request) => globalThis.fetch(request)),
    timeoutMs,
  };
}

function checkProgress({ fraction }: Progress): void {
  if (fraction === undefined || (fraction >= 0 && fraction <= 1)) return;
  throw invalidInput("progress", { fraction: `must be a number from 0 to 1; it is ${fraction}` });
}
