/**
 * What other Workers bind to. `fetch` reaches containers as ingress does, for HTTP and WebSocket, at
 * `/a/<application>[/@<name>][/:<port>]/…`; everything else is a method. Whoever has the binding is trusted with every
 * application of its account. A request that no application answered says so in headers, apart from any answer of one.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import * as z from "zod";
import { GantryError } from "../errors.ts";
import { QUEUE_DEADLINE_MS, type Access } from "./access.ts";
import { callPool } from "./ingress.ts";
import { callInstanceAt } from "./instance-address.ts";
import { execRequest } from "./exec-request.ts";
import type { ExecRequest, ExecResult } from "./exec.ts";
import { egressChange } from "../api/schemas/named-egress.ts";
import { snapshotOptions, startOptions, stopSignal } from "../api/schemas/start.ts";
import {
  deleteSnapshotOfNamed,
  destroyNamed,
  execNamed,
  renewNamed,
  sleepNamed,
  snapshotNamed,
  snapshotsOfNamed,
  startNamed,
  stateOfNamed,
  type NamedSnapshot,
  type NamedState,
} from "./named-control.ts";
import { changeEgressOfNamed, egressOfNamed, resetEgressOfNamed, type NamedEgress } from "./named-egress.ts";
import { refusalAnswer } from "./refusal-answer.ts";

/** How the caller wants to be served; JSON in this header. */
const CALL_HEADER = "gantry-call";

const MAX_EXCLUDED = 100;

const callSchema = z.strictObject({
  mode: z.enum(["get", "any", "pool", "terminal"]).optional(),
  exclude: z.array(z.string().max(64)).max(MAX_EXCLUDED).optional(),
  size: z.int().min(1).optional(),
  waitMs: z.int().min(0).optional(),
});

interface BindingTarget {
  readonly application: string;
  /** Null: any member of the pool. */
  readonly instance: string | null;
  readonly port: number | null;
  /** What is taken off the path. */
  readonly prefix: string;
}

const PATH = /^\/a\/([^/]+)(?:\/@([^/]+))?(?:\/:(\d{1,5}))?(?=\/|$)/;

export class Gantry extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    try {
      const target = targetOf(request.url);
      return await this.#call(target, withoutPrefix(request, target.prefix), accessOf(request));
    } catch (error) {
      return refusalAnswer(error, request.method);
    }
  }

  async #call(target: BindingTarget, request: Request, access: Access): Promise<Response> {
    const { application, instance, port, prefix } = target;
    if (instance === null) {
      if (access.isTerminal)
        throw new GantryError("ROUTE_NOT_FOUND", "a terminal is of one instance: name it with /@<name>");
      const pool = { application, prefix: null, ...(port === null ? {} : { port }) };
      return await callPool(pool, request, this.env, this.ctx, access);
    }
    return await callInstanceAt({ application, instance, port, prefix }, request, this.env, access);
  }

  /** Starts it and waits until it takes requests. */
  async start(application: string, name: string, options: object = {}): Promise<NamedState> {
    return await startNamed(this.env, this.ctx, application, name, startOptions(options), QUEUE_DEADLINE_MS);
  }

  /** Stops its container; the next call starts it again. */
  async stop(application: string, name: string, options: object = {}): Promise<NamedState> {
    return await sleepNamed(this.env, application, name, stopSignal(options));
  }

  /** Keeps its disk as it is now, under a name: `start({snapshot})` begins with it. */
  async snapshot(application: string, name: string, options: object = {}): Promise<NamedSnapshot> {
    return await snapshotNamed(this.env, application, name, snapshotOptions(options));
  }

  async listSnapshots(application: string, name: string): Promise<NamedSnapshot[]> {
    return await snapshotsOfNamed(this.env, application, name);
  }

  async deleteSnapshot(application: string, name: string, snapshot: string): Promise<void> {
    await deleteSnapshotOfNamed(this.env, application, name, snapshotOptions({ name: snapshot }));
  }

  /** Stops its container and forgets it; the next call makes another. */
  async destroy(application: string, name: string): Promise<void> {
    await destroyNamed(this.env, application, name);
  }

  /** Starts nothing. */
  async getState(application: string, name: string): Promise<NamedState> {
    return await stateOfNamed(this.env, application, name);
  }

  /** Runs a command inside, which is started for it if need be, and waits for its end. */
  async exec(application: string, name: string, request: ExecRequest): Promise<ExecResult> {
    return await execNamed(this.env, application, name, execRequest(request), QUEUE_DEADLINE_MS);
  }

  /** What it may reach. Starts nothing. */
  async egressOf(application: string, name: string): Promise<NamedEgress> {
    return await egressOfNamed(this.env, application, name);
  }

  /** From its next request on, until it is reset; one that nobody has called yet is started. */
  async changeEgress(application: string, name: string, change: object): Promise<NamedEgress> {
    return await changeEgressOfNamed(this.env, application, name, egressChange(change), QUEUE_DEADLINE_MS);
  }

  /** What its application says holds for it again. */
  async resetEgress(application: string, name: string): Promise<NamedEgress> {
    return await resetEgressOfNamed(this.env, application, name);
  }

  /** As if it had been called now: it sleeps that much later. */
  async renewActivityTimeout(application: string, name: string): Promise<void> {
    await renewNamed(this.env, application, name);
  }
}

function targetOf(requestUrl: string): BindingTarget {
  const match = PATH.exec(new URL(requestUrl).pathname);
  if (match?.[1] === undefined) {
    const message = "the path must be /a/<application>, then /@<name> and /:<port> where they are meant";
    throw new GantryError("ROUTE_NOT_FOUND", message, {});
  }
  const [prefix, application, instance, port] = match;
  const name = decodeURIComponent(application);
  return {
    // No name has a slash, and what stands for another account's application begins with one.
    application: name.includes("/") ? application : name,
    instance: instance === undefined ? null : decodeURIComponent(instance),
    port: port === undefined ? null : portOf(port),
    prefix,
  };
}

function portOf(text: string): number {
  const port = Number(text);
  if (port >= 1 && port <= 65_535) return port;
  throw new GantryError("VALIDATE_INPUT", `port ${text} is none`, { port: "must be 1 to 65535" });
}

function accessOf({ headers }: Request): Access {
  const { mode, exclude = [], size = null, waitMs = QUEUE_DEADLINE_MS } = wishesOf(headers.get(CALL_HEADER));
  return {
    isTrusted: true,
    exclude: new Set(exclude),
    size,
    waitMs: Math.min(waitMs, QUEUE_DEADLINE_MS),
    isOneTry: mode === "pool",
    isTerminal: mode === "terminal",
    inside: null,
  };
}

function wishesOf(text: string | null): z.output<typeof callSchema> {
  if (text === null) return {};
  const parsed = callSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const why = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is no JSON"}`;
  throw new GantryError("VALIDATE_INPUT", `${CALL_HEADER}: ${why}`, { [CALL_HEADER]: why });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** As the container sees it. */
function withoutPrefix(request: Request, prefix: string): Request {
  const url = new URL(request.url);
  url.pathname = url.pathname.slice(prefix.length) || "/";
  const next = new Request(url, request);
  next.headers.delete(CALL_HEADER);
  return next;
}
