/**
 * One call, tried as often as its policy says. The same instance through a cold start (`get`, `any`), or another member
 * each time (`pool`). What must hold: an application's answer is never thrown away, except by the `retryOn` of a pool;
 * nothing is sent twice that was or may have been delivered, except what is idempotent or goes to a pool; nothing waits
 * for a caller that has given up.
 */
import { INSTANCE_HEADER, socketOf, type GantryBinding } from "../binding.ts";
import { GantryError } from "../errors.ts";
import { anySignal, orAborted, sleep } from "./abort.ts";
import { errorOf, isRefusal, mayAskAnother } from "./refusal.ts";
import { makeReplay, type CallInput } from "./replay.ts";
import { pauseAfter, type RetryPolicy } from "./retry-policy.ts";
import { addressOf, headerOf, type Target } from "./target.ts";

export interface Call {
  readonly target: Target;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  /** Of a pool: whether another member is to answer instead. Absent: every answer is the answer. */
  readonly retryOn?: (response: Response) => boolean;
}

/** What a call needs of the world. */
export interface Transport {
  readonly binding: GantryBinding;
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly now: () => number;
  /** At least 0 and below 1. */
  readonly random: () => number;
}

export function transportOf(binding: GantryBinding): Transport {
  return { binding, sleep, now: Date.now, random: Math.random };
}

export async function send(
  transport: Transport,
  call: Call,
  input: CallInput,
  init: RequestInit | undefined,
): Promise<Response> {
  const address = addressOf(call.target, input);
  const replay = await makeReplay(input, init);
  const signal = anySignal(call.signal, replay.signal);
  const excluded = new Set<string>();
  // An answer that the pool's caller would rather not have, for when there is no other.
  let spare: Response | undefined;
  try {
    for (let failures = 1; ; failures += 1) {
      signal?.throwIfAborted();
      const request = replay.next(address, headerOf(call.target, [...excluded]), signal);
      const outcome = await attempt(transport, request, signal, replay.isIdempotent);
      if (outcome instanceof Response) {
        discard(spare);
        spare = outcome;
      }
      const pause = replay.canResend() ? nextPause(transport, call, outcome, failures) : null;
      if (pause === null) return answerOf(outcome, spare);
      const instance = outcome instanceof Response ? outcome.headers.get(INSTANCE_HEADER) : outcome.instance;
      if (call.retryOn !== undefined && instance !== null) excluded.add(instance);
      await transport.sleep(pause, signal);
    }
  } catch (error) {
    discard(spare);
    throw error;
  }
}

/** An error only where no application has answered at all. */
function answerOf(outcome: Response | GantryError, spare: Response | undefined): Response {
  if (spare !== undefined) return spare;
  throw outcome as GantryError;
}

/** Null when this was the last try. */
function nextPause(
  { random }: Transport,
  { policy, retryOn }: Call,
  outcome: Response | GantryError,
  failures: number,
): number | null {
  if (outcome instanceof Response) {
    // How long that member wants to be left alone says nothing about another one.
    return retryOn?.(outcome) === true ? pauseAfter(policy, failures, null, random()) : null;
  }
  const mayRetry = retryOn === undefined ? outcome.retryable : mayAskAnother(outcome);
  const isOfAnother = retryOn !== undefined && outcome.instance !== null;
  return mayRetry ? pauseAfter(policy, failures, isOfAnother ? null : outcome.retryAfterMs, random()) : null;
}

/** Rejects only with the caller's own reason to stop. */
async function attempt(
  { binding, now }: Transport,
  request: Request,
  signal: AbortSignal | undefined,
  isIdempotent: boolean,
): Promise<Response | GantryError> {
  const answering = Promise.resolve().then(() => binding.fetch(request));
  try {
    const response = await orAborted(answering, signal);
    return isRefusal(response) ? await orAborted(errorOf(response, now()), signal) : response;
  } catch (error) {
    if (signal?.aborted === true) {
      void answering.then(discard, () => undefined);
      throw signal.reason;
    }
    const why = error instanceof Error ? error.message : String(error);
    const message = `the connection to Gantry ended before the answer: ${why}`;
    return new GantryError("CONNECTION_LOST", message, { retryable: isIdempotent, cause: error });
  }
}

/** An answer that nobody reads would hold its connection. */
function discard(response: Response | undefined): void {
  const socket = response === undefined ? undefined : socketOf(response);
  if (socket !== undefined) {
    socket.accept?.();
    socket.close(1001, "the caller is gone");
  }
  void response?.body?.cancel().catch(() => undefined);
}
