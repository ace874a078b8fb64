/**
 * Requests from outside to an application: who may call it, which ready instance answers, and what happens when that
 * one does not. Streams and WebSockets pass through unbuffered.
 */
import { FROM_OUTSIDE, type Access } from "./access.ts";
import { callerOf } from "./caller.ts";
import { callerRegion } from "./caller-region.ts";
import { namesNoEncoding } from "./client-encoding.ts";
import { choose, isSpread } from "./choice.ts";
import { TOKEN_PROTOCOL } from "../api/credentials.ts";
import { errorResponse } from "../api/envelope.ts";
import { GantryError } from "../errors.ts";
import type { Routing, RoutingMember } from "../orchestrator/routing.ts";
import { instanceStub } from "../stubs.ts";
import { begin, end, load } from "./load.ts";
import {
  CALLER_HEADER,
  DIRECT_HEADER,
  INSTANCE_HEADER,
  isUnsent,
  LOAD_HEADER,
  PORT_HEADER,
  refusalOf,
  REFUSED_HEADER,
  SSH_HEADER,
  TASK_HEADER,
  TASK_TRY_HEADER,
  TERMINAL_HEADER,
  VIA_HEADER,
} from "./refusal.ts";
import {
  chooseSide,
  clientOf,
  hasVersionCookie,
  otherSide,
  sidesOf,
  withCookie,
  withoutVersionCookie,
  type Client,
} from "./split.ts";
import { isolate, refuseAsCode } from "./path-isolation.ts";
import { makeReplayable } from "./replay.ts";
import { cachedRouting, excludeMember, forgetRouting, loadRouting } from "./routing-cache.ts";
import { sleep } from "../sleep.ts";

export interface IngressTarget {
  /** Its name or id, or a key that stands for it in `routing-cache.ts`. */
  readonly application: string;
  /** `/a/<app>` when the application was named in the path, else null. */
  readonly prefix: string | null;
  /** Absent: the first. */
  readonly port?: number;
}

const ROUND_PAUSE_MS = 20;
const ROUND_PAUSE_MAX_MS = 1_000;

export async function serveIngress(
  target: IngressTarget,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
): Promise<Response> {
  try {
    if (target.prefix !== null) refuseAsCode(request);
    return await callPool(target, request, env, ctx);
  } catch (error) {
    return errorResponse(error);
  }
}

/** Any ready member of the pool. Throws why none has answered. */
export async function callPool(
  target: IngressTarget,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  access: Access = FROM_OUTSIDE,
): Promise<Response> {
  const { application } = target;
  const deadline = Date.now() + access.waitMs;
  let routing = cachedRouting(application, env, ctx, Date.now()) ?? (await loadRouting(application, env, 0));
  await admit(routing, request, env, access);
  const call = await makeReplayable(request);
  // What can be sent only once goes to whoever takes requests now, and not moments ago.
  if (access.inside !== null && !call.canResend) routing = await loadRouting(application, env, 0);
  const tried = new Set<string>();
  let round = 0;
  let turnedAway = 0;
  let client: Client | null = null;

  for (;;) {
    let members = membersFor(routing.members, access);
    let others: readonly RoutingMember[] | null = null;
    if (routing.traffic?.kind === "split") {
      const { members: all, traffic, rolloutId = "" } = routing;
      client ??= clientOf(traffic, rolloutId, { request, hasCookies: target.prefix === null, random: Math.random });
      const side = chooseSide(traffic, client);
      members = membersFor(sidesOf(all)[side], access);
      others = membersFor(sidesOf(all)[otherSide(side)], access);
    }
    const from = isSpread(others === null ? members : routing.members) ? callerRegion(request.cf) : null;
    const wish = { tried, from, target: routing.target, load, random: Math.random };
    const member = choose(members, wish) ?? (others === null ? undefined : choose(others, wish));
    if (member === undefined) {
      // Everybody was tried: a pause first, since who is dead is found out within moments.
      if (tried.size > 0) await sleep(Math.min(ROUND_PAUSE_MAX_MS, ROUND_PAUSE_MS * 2 ** round));
      round += 1;
      const isNobodyLeft = members.length === 0 && (others === null || others.length === 0);
      if (routing.members.length > 0 && isNobodyLeft) throw exhausted(routing);
      routing = await waitForMember(application, routing, env, { ...access, deadline, signal: request.signal });
      // It may be another application by now, or have another policy.
      await admit(routing, request, env, access);
      tried.clear();
      continue;
    }
    tried.add(member.deploymentId);
    const response = await send(member, toPort(forward(target, routing, call.next(), access), target.port), env);
    const refusal = refusalOf(response);
    if (refusal === null) {
      if (target.prefix !== null) return isolate(response);
      return client?.setCookie == null ? response : withCookie(response, client.setCookie);
    }
    if (refusal === "closed" && call.canResend && Date.now() < deadline) {
      // So would all that this copy has of its version. Asked again at once: whoever takes requests now is known.
      if (turnedAway > 0) await sleep(Math.min(ROUND_PAUSE_MAX_MS, ROUND_PAUSE_MS * 2 ** turnedAway));
      turnedAway += 1;
      routing = await loadRouting(application, env, 0);
      await admit(routing, request, env, access);
      continue;
    }
    if (refusal === "not-listening") {
      // Another port of it says nothing about the instance.
      if (target.port === undefined) excludeMember(application, member);
      throw failure(
        routing,
        member,
        `nothing listens on ${target.port === undefined ? "its first port" : `its port ${target.port}`}`,
      );
    }
    excludeMember(application, member);
    const mayRepeat = call.canResend && (isUnsent(refusal) || (call.isIdempotent && !access.isOneTry));
    if (!mayRepeat) throw failure(routing, member, `it is ${refusal}, and the request cannot be sent twice`);
    if (Date.now() >= deadline) throw failure(routing, member, `it is ${refusal}, and so was every other one`);
  }
}

function membersFor(members: Routing["members"], { exclude, size }: Access): readonly RoutingMember[] {
  const pool = size === null ? members : members.slice(0, size);
  return exclude.size === 0 ? pool : pool.filter(({ instanceId }) => !exclude.has(instanceId));
}

async function waitForMember(
  application: string,
  routing: Routing,
  env: Env,
  { deadline, waitMs, signal }: Pick<Access, "waitMs"> & { readonly deadline: number; readonly signal: AbortSignal },
): Promise<Routing> {
  const { name } = routing;
  if (routing.desired === 0) {
    forgetRouting(application);
    const message = `application ${name} is scaled to 0: set instances to call it`;
    throw new GantryError("SCALED_TO_ZERO", message, { application: name });
  }
  const leftMs = deadline - Date.now();
  const next = leftMs > 0 ? await untilAborted(loadRouting(application, env, leftMs), signal) : routing;
  if (next.members.length > 0 || (next.desired === 0 && leftMs > 0)) return next;
  const message = `application ${name} has no ready instance after ${waitMs / 1_000} s`;
  throw new GantryError("NO_READY_INSTANCE", message, { application: name });
}

type Policy = Pick<Routing, "applicationId" | "accountId" | "name" | "ingress">;

/** Throws when this caller may not call that application. */
export function admit(routing: Policy, request: Request, env: Env, access: Access): Promise<void> | undefined {
  if (!access.isTrusted) return authorize(routing, request, env);
  access.inside?.admit(routing);
  return undefined;
}

async function authorize(routing: Policy, request: Request, env: Env): Promise<void> {
  if (routing.ingress === "public") return;
  const details = { application: routing.name, ingress: routing.ingress };
  if (routing.ingress === "private") {
    const message = `application ${routing.name} is private: set ingress.mode to "token" or "public" to call it from outside`;
    throw new GantryError("FORBIDDEN", message, details);
  }
  const caller = await callerOf(routing, request, env);
  if (caller === "unknown") {
    const message = `application ${routing.name} takes a bearer token: send Authorization: Bearer <token>`;
    throw new GantryError("UNAUTHORIZED", message, details);
  }
  if (caller === "forbidden") {
    const message = `application ${routing.name} takes tokens of scope invoke that reach it: this one does not`;
    throw new GantryError("FORBIDDEN", message, { ...details, scope: "invoke" });
  }
}

/** Headers that only Gantry sets, and one that the Worker has already answered. */
const OWN_HEADERS = [
  REFUSED_HEADER,
  INSTANCE_HEADER,
  LOAD_HEADER,
  PORT_HEADER,
  DIRECT_HEADER,
  TERMINAL_HEADER,
  SSH_HEADER,
  TASK_HEADER,
  TASK_TRY_HEADER,
  CALLER_HEADER,
  VIA_HEADER,
  // Servers that make variables of headers take these for the same.
  "gantry_caller",
  "gantry_via",
  "x-forwarded-prefix",
  "expect",
] as const;

/** The request as the container gets it. The common case, a host of its own and no token, passes untouched. */
export function forward(
  target: Pick<IngressTarget, "prefix">,
  routing: Policy,
  request: Request,
  { isTrusted, inside }: Pick<Access, "isTrusted" | "inside"> = FROM_OUTSIDE,
): Request {
  const hasOwnCookie = hasVersionCookie(request);
  const isOpen = inside === null && (isTrusted || routing.ingress === "public");
  const isUncompressed = namesNoEncoding(request);
  const isPlain = target.prefix === null && isOpen && !hasOwnCookie && !isUncompressed;
  if (isPlain && !OWN_HEADERS.some((name) => request.headers.has(name))) return request;
  const url = new URL(request.url);
  if (target.prefix !== null) url.pathname = url.pathname.slice(target.prefix.length) || "/";
  const next = new Request(url, request);
  // `expect` among them: a second `100 Continue` from the container breaks the request.
  for (const name of OWN_HEADERS) next.headers.delete(name);
  if (hasOwnCookie) withoutVersionCookie(next.headers);
  if (isUncompressed) next.headers.set("accept-encoding", "identity");
  // Gantry's own token must not reach the application.
  if (!isTrusted && routing.ingress === "token") withoutToken(next.headers);
  for (const [name, value] of Object.entries(inside?.headers ?? {})) next.headers.set(name, value);
  if (target.prefix !== null) {
    next.headers.set("x-forwarded-prefix", target.prefix);
    next.headers.delete("cookie");
  }
  return next;
}

function withoutToken(headers: Headers): void {
  headers.delete("authorization");
  const offered = headers.get("sec-websocket-protocol")?.split(",") ?? [];
  const left = offered.filter((protocol) => !protocol.trim().startsWith(TOKEN_PROTOCOL));
  if (left.length === offered.length) return;
  if (left.length === 0) headers.delete("sec-websocket-protocol");
  else headers.set("sec-websocket-protocol", left.join(","));
}

export async function send(member: RoutingMember, request: Request, env: Env): Promise<Response> {
  let count: number | null = null;
  begin(member);
  try {
    const response = await instanceStub(env, member.deploymentId).fetch(request);
    const told = response.headers.get(LOAD_HEADER);
    if (told === null) {
      if (!response.headers.has(REFUSED_HEADER)) count = 0;
      return response;
    }
    count = Number(told);
    return withoutLoad(response);
  } catch (error) {
    if (request.signal.aborted) throw error;
    console.warn({ message: "ingress.instance.failed", deployment: member.deploymentId, error: String(error) });
    return new Response(null, { status: 503, headers: { [REFUSED_HEADER]: "unreachable" } });
  } finally {
    end(member, count);
  }
}

/** What an instance says of its load is for Gantry. */
function withoutLoad(response: Response): Response {
  const { status, headers, webSocket } = response;
  const stripped = webSocket
    ? new Response(null, { status, headers, webSocket })
    : new Response(response.body, response);
  stripped.headers.delete(LOAD_HEADER);
  return stripped;
}

function toPort(request: Request, port: number | undefined): Request {
  return port === undefined ? request : withPort(request, port);
}

function withPort(request: Request, port: number): Request {
  const next = new Request(request);
  next.headers.set(PORT_HEADER, String(port));
  return next;
}

/** Whoever has gone waits for nothing. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function exhausted({ name, members }: Routing): GantryError {
  const message = `every ready instance of ${name} was tried: ${members.length}`;
  return new GantryError("NO_OTHER_INSTANCE", message, { application: name });
}

function failure(routing: Routing, member: RoutingMember, why: string): GantryError {
  const message = `instance ${member.instanceId} of ${routing.name} did not answer: ${why}`;
  return new GantryError("INSTANCE_UNREACHABLE", message, { application: routing.name, instance: member.instanceId });
}
