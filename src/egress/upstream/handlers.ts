/**
 * A Worker bound to the control plane that stands in for a host: `egress(request, caller)` answers with a `Response`, or
 * with a `Request` that is asked in place of the container's, the same one to pass it on. A Worker without that method
 * is asked with `fetch`, and answers. Called once: its request may have done something already.
 */
import { serviceBinding } from "../../bindings.ts";
import type { Caller } from "../../bridge/workload.ts";
import { describeError, GantryError } from "../../errors.ts";
import { withTimeout } from "../../with-timeout.ts";
import type { EgressHandler } from "../policy/policy.ts";
import { dropOwn } from "./headers.ts";

/** Who is calling, as JSON, on requests to `fetch`: `{application, instance, name, generation}`. Gantry alone sets it. */
export const CALLER_HEADER = "gantry-caller";

/** Longer than any answer should be waited for. */
export const HANDLER_TIMEOUT_MS = 300_000;
/** A Worker that is deployed anew may have the method then. */
const REMEMBERED_MS = 10_000;

/** Beside a binding's name: whether its Worker has `egress`, and until when that is taken for true. */
const known = new Map<string, { readonly hasMethod: boolean; readonly until: number }>();

interface HandlerWorker {
  readonly egress: ((request: Request, caller: Caller) => Promise<unknown>) & PromiseLike<unknown>;
  readonly fetch: (request: Request) => Promise<Response>;
}

/** A `Request`: to be evaluated as if the container had made it, handlers aside. */
export async function callHandler(
  { binding }: Pick<EgressHandler, "binding">,
  request: Request,
  caller: Caller,
  env: Env,
): Promise<Response | Request> {
  const worker = serviceBinding(env, binding) as unknown as HandlerWorker | null;
  if (worker === null) {
    const message = `the control plane has no service binding ${binding} any more, which handles ${hostOf(request)}`;
    throw new GantryError("NO_EGRESS_HANDLER", message, { binding });
  }
  const forwarded = new Request(request);
  dropOwn(forwarded.headers);
  const answer = await ask(worker, binding, forwarded, caller);
  if (isResponse(answer)) return answer;
  if (isRequest(answer)) return answer;
  const message = `what ${binding} made of a request to ${hostOf(request)} is neither a Response nor a Request`;
  throw new GantryError("EGRESS_HANDLER_FAILED", message, { binding });
}

async function ask(worker: HandlerWorker, binding: string, request: Request, caller: Caller): Promise<unknown> {
  const host = hostOf(request);
  try {
    if (await hasMethod(worker, binding)) return await withTimeout(worker.egress(request, caller), HANDLER_TIMEOUT_MS);
    request.headers.set(CALLER_HEADER, headerOf(caller));
    return await withTimeout(worker.fetch(request), HANDLER_TIMEOUT_MS);
  } catch (error) {
    const message = `the Worker bound as ${binding}, which handles ${host}, has failed: ${describeError(error)}`;
    throw new GantryError("EGRESS_HANDLER_FAILED", message, { binding, host }, { cause: error });
  }
}

/** Asked without calling it: a request's body can be sent once. */
async function hasMethod(worker: HandlerWorker, binding: string): Promise<boolean> {
  const now = Date.now();
  const before = known.get(binding);
  if (before !== undefined && now < before.until) return before.hasMethod;
  const isThere = await hasProperty(worker);
  known.set(binding, { hasMethod: isThere, until: now + REMEMBERED_MS });
  return isThere;
}

async function hasProperty(worker: HandlerWorker): Promise<boolean> {
  try {
    const method: unknown = await worker.egress;
    dispose(method);
    return true;
  } catch {
    return false;
  }
}

function dispose(value: unknown): void {
  if (typeof value === "function" && Symbol.dispose in value) (value as unknown as Disposable)[Symbol.dispose]();
}

/** Header values are ASCII, names of instances are not. */
function headerOf(caller: Caller): string {
  return JSON.stringify(caller).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function isResponse(value: unknown): value is Response {
  return value instanceof Response;
}

function isRequest(value: unknown): value is Request {
  return value instanceof Request;
}

function hostOf({ url }: Request): string {
  return new URL(url).hostname.slice(0, 253);
}
