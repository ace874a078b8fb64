/**
 * One try of an `http` task: a member of the pool is chosen as for any request, waited for as any caller waits, so that
 * a scaled pool starts one, and given the payload. What has reached a container is never sent again within a try.
 */
import { choose } from "../../containers/choice.ts";
import { untilAborted } from "../../containers/ingress.ts";
import { load } from "../../containers/load.ts";
import { isUnsent, refusalOf, TASK_HEADER, TASK_TRY_HEADER } from "../../containers/refusal.ts";
import { chooseSide, otherSide, sidesOf } from "../../containers/split.ts";
import { describeError, GantryError } from "../../errors.ts";
import type { Routing, RoutingMember } from "../../orchestrator/routing.ts";
import { sleep } from "../../sleep.ts";
import {
  DEFAULT_TASK_WAIT_MS,
  NO_READY_INSTANCE,
  type HttpWork,
  type Task,
  type TaskWork,
  type TryEnd,
} from "./task.ts";

export interface Pool {
  /** Waits so long for a ready member. Null: there is no application any more. */
  readonly routing: (waitMs: number) => Promise<Routing | null>;
  readonly send: (member: RoutingMember, request: Request) => Promise<Response>;
}

const WAIT_MS = 30_000;
const PAUSE_MS = 100;
const FULL_PAUSE_MS = 1_000;
/** A try that no member has taken for so long is over. */
const HAND_OVER_MS = 30_000;
/** Of an answer's body, which nobody reads, before the connection is closed. */
const MAX_ANSWER_BYTES = 1_048_576;

/**
 * `begin` is called when there is a member to send it to; null: it is not to be sent any more, or there is no pool.
 * `signal`: somebody has cancelled it.
 */
export async function deliver(
  pool: Pool,
  work: HttpWork,
  begin: () => (() => Request) | null,
  signal: AbortSignal,
): Promise<TryEnd | null> {
  const { waitMs = DEFAULT_TASK_WAIT_MS } = work;
  const none = failed(NO_READY_INSTANCE, `no member of the pool was ready within ${waitMs / 1_000} s`);
  const first = await routingOf(pool, signal, Date.now() + waitMs);
  if (first === "none ready") return none;
  const request = first === null ? null : begin();
  if (first === null || request === null) return null;
  let routing = first;
  const point = Math.random() * 100;
  const deadline = Date.now() + HAND_OVER_MS;
  const tried = new Set<string>();
  for (;;) {
    const member = memberFor(routing, point, tried);
    if (member !== undefined) {
      tried.add(member.deploymentId);
      const end = await trySend(pool, member, request(), work, signal);
      if (end !== "not-ready") return end;
      continue;
    }
    if (Date.now() >= deadline) return { kind: "undelivered", message: "no member of the pool has taken it" };
    await untilAborted(sleep(PAUSE_MS), signal);
    const next = await routingOf(pool, signal, Date.now() + waitMs);
    if (next === "none ready") return none;
    if (next === null) return { kind: "undelivered", message: "the pool has no members" };
    routing = next;
    tried.clear();
  }
}

/** As the container gets it. */
export function taskRequest(application: string, task: Pick<Task, "id" | "tries">, work: TaskWork): Request {
  const { payload, http } = work;
  const { path = "/", method = "POST", headers: own = {} } = http ?? {};
  const headers = new Headers();
  if (payload !== null) headers.set("content-type", payload.isText ? "text/plain; charset=utf-8" : "application/json");
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  headers.set(TASK_HEADER, task.id);
  headers.set(TASK_TRY_HEADER, String(task.tries));
  const url = new URL(path, `http://${application}.gantry.internal`);
  return new Request(url, { method, headers, redirect: "manual", ...(payload === null ? {} : { body: payload.text }) });
}

/** `point`: of this task, by which a rollout that shares requests out gives it to one of its versions. */
function memberFor(
  { members, traffic }: Routing,
  point: number,
  tried: ReadonlySet<string>,
): RoutingMember | undefined {
  const wish = { tried, from: null, target: Infinity, load, random: Math.random };
  if (traffic?.kind !== "split") return choose(members, wish);
  const side = chooseSide(traffic, { point });
  const sides = sidesOf(members);
  return choose(sides[side], wish) ?? choose(sides[otherSide(side)], wish);
}

/** With members. Null: the application is gone, or is to have none. */
async function routingOf(pool: Pool, signal: AbortSignal, until: number): Promise<Routing | "none ready" | null> {
  for (;;) {
    const leftMs = until - Date.now();
    if (leftMs <= 0) return "none ready";
    try {
      const routing = await untilAborted(pool.routing(Math.min(WAIT_MS, leftMs)), signal);
      if (routing === null || routing.desired === 0) return null;
      if (routing.members.length > 0) return routing;
    } catch (error) {
      if (!GantryError.is(error) || error.code !== "QUEUE_FULL") throw error;
      await untilAborted(sleep(FULL_PAUSE_MS), signal);
    }
  }
}

async function trySend(
  pool: Pool,
  member: RoutingMember,
  request: Request,
  { timeoutMs }: HttpWork,
  cancelled: AbortSignal,
): Promise<TryEnd | "not-ready"> {
  const late = new AbortController();
  // Cleared, since an object with a timer does not rest.
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signal = AbortSignal.any([cancelled, late.signal]);
  try {
    const response = await untilAborted(pool.send(member, new Request(request, { signal })), signal);
    const refusal = refusalOf(response);
    if (refusal !== null && isUnsent(refusal)) return "not-ready";
    if (refusal !== null) return failed(refusal === "unreachable" ? "Unreachable" : "NotListening", whyNot(refusal));
    const { status, ok } = response;
    await untilAborted(readToEnd(response), signal);
    return ok ? { kind: "succeeded", status } : { ...failed("Answer", `it answered ${status}`), status };
  } catch (error) {
    if (cancelled.aborted) throw error;
    if (signal.aborted) return failed("Timeout", `no whole answer within ${timeoutMs / 1_000} s`);
    return failed("Unreachable", describeError(error));
  } finally {
    clearTimeout(timer);
  }
}

function whyNot(refusal: "unreachable" | "not-listening"): string {
  return refusal === "unreachable" ? "its container did not answer" : "nothing listens on the container's port";
}

function failed(reason: string, message: string): Extract<TryEnd, { kind: "failed" }> {
  return { kind: "failed", reason, message, status: null };
}

/** Work may go on while an answer is sent: it is not done before its end. */
async function readToEnd({ body }: Response): Promise<void> {
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) return;
  }
}
