/**
 * The bridge: what a container says to Gantry, and calls of the Worker that is bound to its application. One table for
 * both ways in: from inside a container, known by the interception, and from outside, by a token. Every answer is
 * `{result}` or `{error: {code, message}}`; errors of Gantry's own carry the header `gantry-error`.
 */
import type * as z from "zod";
import { parseJson, readText, validate } from "../api/body.ts";
import { ERROR_HEADER } from "../containers/refusal.ts";
import { describeError, ERRORS, GantryError } from "../errors.ts";
import type { CredentialState } from "../egress/upstream/credential-states.ts";
import type { FunctionAnswer, FunctionMessage } from "./functions.ts";
import {
  enqueueSchema,
  leaseSchema,
  logSchema,
  nothingSchema,
  progressSchema,
  resultSchema,
  rpcSchema,
  type BridgeMessage,
  type BridgeReply,
  type Enqueued,
} from "./messages.ts";
import type { Workload } from "./workload.ts";

export interface BridgeCaller {
  readonly workload: Workload;
  readonly isToken: boolean;
}

/** Who a bridge is for, beside its placement. */
export interface BridgeTarget {
  readonly application: string;
  /** Null: the application has none. */
  readonly binding: string | null;
  /** It may have jobs. */
  readonly runsJobs: boolean;
}

export interface BridgeDeps {
  readonly tell: (caller: BridgeCaller, message: BridgeMessage) => Promise<BridgeReply>;
  readonly target: (applicationId: string) => Promise<BridgeTarget>;
  /** Of its egress policy. */
  readonly credentials: (workload: Workload) => Promise<readonly CredentialState[]>;
  readonly publicId: (deploymentId: string) => string;
  /** The id of the task that it is. */
  readonly enqueue: (applicationId: string, target: BridgeTarget, task: Enqueued) => Promise<string>;
  readonly call: (binding: string, message: FunctionMessage) => Promise<FunctionAnswer>;
}

interface Context {
  readonly caller: BridgeCaller;
  readonly deps: BridgeDeps;
}

/** What is answered: the result, or a function's answer as it is. */
type Outcome = { readonly result: unknown } | FunctionAnswer;

interface BridgeRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly run: (request: Request, context: Context) => Promise<Outcome>;
}

function withoutBody(method: "GET" | "DELETE", path: string, run: (context: Context) => Promise<Outcome>): BridgeRoute {
  return { method, path, run: (_, context) => run(context) };
}

function withBody<Schema extends z.ZodType>(
  method: "POST" | "PUT",
  path: string,
  schema: Schema,
  run: (body: z.output<Schema>, context: Context) => Promise<Outcome>,
): BridgeRoute {
  return {
    method,
    path,
    run: async (request, context) => await run(validate(schema, parseJson(await readText(request), request)), context),
  };
}

const DONE = { result: null };

const ROUTES: readonly BridgeRoute[] = [
  withoutBody("GET", "/identity", async (context) => {
    const { workload } = context.caller;
    const { caller } = await identify(context);
    return { result: { ...caller, deployment: workload.deploymentId } };
  }),
  withoutBody("GET", "/credentials", async ({ caller, deps }) => ({ result: await deps.credentials(caller.workload) })),
  withoutBody("GET", "/payload", async ({ caller, deps }) => {
    const { attempt } = await deps.tell(caller, { type: "payload" });
    if (attempt !== undefined) return { result: attempt };
    throw new GantryError("NO_JOB", "this container runs no job, so that it has no payload", {});
  }),
  withBody("POST", "/heartbeat", nothingSchema, async (_, { caller, deps }) => {
    await deps.tell(caller, { type: "heartbeat" });
    return DONE;
  }),
  withBody("PUT", "/lease", leaseSchema, async ({ ttlMs }, { caller, deps }) => {
    const { heldUntil } = await deps.tell(caller, { type: "hold", ttlMs });
    return { result: { until: heldUntil === null ? null : new Date(heldUntil).toISOString() } };
  }),
  withoutBody("DELETE", "/lease", async ({ caller, deps }) => {
    await deps.tell(caller, { type: "release" });
    return DONE;
  }),
  withBody("PUT", "/progress", progressSchema, async (progress, { caller, deps }) => {
    await deps.tell(caller, { type: "progress", progress });
    return DONE;
  }),
  withBody("PUT", "/result", resultSchema, async ({ result }, { caller, deps }) => {
    await deps.tell(caller, { type: "result", result: JSON.stringify(result) });
    return DONE;
  }),
  withBody("POST", "/log", logSchema, async ({ level, message, fields }, { caller, deps }) => {
    await deps.tell(caller, { type: "log", level, message, fields: JSON.stringify(fields) });
    return DONE;
  }),
  withBody("POST", "/enqueue", enqueueSchema, async (task, context) => {
    const { target } = await identify(context);
    return { result: { id: await context.deps.enqueue(context.caller.workload.applicationId, target, task) } };
  }),
  withBody("POST", "/rpc", rpcSchema, async (call, context) => {
    const { caller, target } = await identify(context);
    const { application, binding } = target;
    if (binding !== null) return await context.deps.call(binding, { ...call, caller });
    const message = `application ${application} has no bridge: set bridge.binding to a service binding of the control plane`;
    throw new GantryError("NO_BRIDGE_TARGET", message, { application });
  }),
];

async function identify({ caller, deps }: Context) {
  const { workload } = caller;
  const { name } = await deps.tell(caller, { type: "identify" });
  const target = await deps.target(workload.applicationId);
  const instance = deps.publicId(workload.deploymentId);
  return { target, caller: { application: target.application, instance, name, generation: workload.generation } };
}

/** `path`: within the bridge. */
export async function serveBridge(
  request: Request,
  caller: BridgeCaller,
  deps: BridgeDeps,
  path = new URL(request.url).pathname,
): Promise<Response> {
  try {
    return answer(await routeOf(request.method, path).run(request, { caller, deps }));
  } catch (error) {
    return bridgeError(error);
  }
}

function routeOf(method: string, path: string): BridgeRoute {
  const known = ROUTES.filter((route) => route.path === path);
  const route = known.find((each) => each.method === method);
  if (route !== undefined) return route;
  if (known.length === 0) {
    const paths = [...new Set(ROUTES.map((each) => each.path))].join(", ");
    throw new GantryError("ROUTE_NOT_FOUND", `the bridge has no ${path.slice(0, 100)}; it has ${paths}`, {});
  }
  const allowed = known.map((each) => each.method).join(", ");
  throw new GantryError("METHOD_NOT_ALLOWED", `${path} takes ${allowed}`, { allowed });
}

const JSON_TYPE = { "content-type": "application/json" };
/** Of a function's own errors, which are no errors of HTTP's. */
const FUNCTION_ERROR_STATUS = 200;

function answer(outcome: Outcome): Response {
  if (!("ok" in outcome)) return Response.json(outcome);
  if (outcome.ok) return new Response(outcome.json, { headers: JSON_TYPE });
  const { ok: _, ...error } = outcome;
  return Response.json({ error }, { status: FUNCTION_ERROR_STATUS });
}

export function bridgeError(error: unknown): Response {
  if (!GantryError.is(error)) {
    console.error({ message: "bridge.failed", error: describeError(error) });
    return bridgeError(new GantryError("INTERNAL", "an internal error of the control plane", {}));
  }
  const { code, message, details } = error;
  const { status, retryable } = ERRORS[code];
  const headers = {
    [ERROR_HEADER]: code,
    ...(status === 405 ? { allow: String(details["allowed"] ?? "") } : {}),
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="Gantry bridge"' } : {}),
  };
  return Response.json({ error: { code, message, retryable, details } }, { status, headers });
}
