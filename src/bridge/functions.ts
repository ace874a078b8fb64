/**
 * A function of the Worker that an application has bound as its bridge target: `env.<binding>.bridgeCall({functionPath,
 * args, kind, caller})`. Called once: whether a second call does harm, only who calls knows. An error that the function
 * throws is its answer; that there was none is an error of Gantry's own.
 */
import { describeError, GantryError } from "../errors.ts";
import { withTimeout } from "../with-timeout.ts";
import { BRIDGE_LIMITS, bytesOf, type FunctionCall } from "./messages.ts";
import type { Caller } from "./workload.ts";

/** Longer than any request should be waited for; who wants less gives up before. */
export const FUNCTION_TIMEOUT_MS = 300_000;
const MAX_MESSAGE_LENGTH = 2_000;
const CODE = /^[A-Za-z][\w.:-]{0,63}$/;

export interface FunctionMessage extends FunctionCall {
  readonly caller: Caller;
}

/** `json`: of the body that is answered with. */
export type FunctionAnswer =
  | { readonly ok: true; readonly json: string }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly details?: unknown };

export async function callFunction(
  target: { bridgeCall(message: FunctionMessage): Promise<unknown> },
  binding: string,
  message: FunctionMessage,
  timeoutMs = FUNCTION_TIMEOUT_MS,
): Promise<FunctionAnswer> {
  let isOverdue = false;
  const timer = setTimeout(() => (isOverdue = true), timeoutMs - 1);
  let result: unknown;
  try {
    result = await withTimeout(Promise.resolve(target.bridgeCall(message)), timeoutMs);
  } catch (error) {
    if (isOverdue) {
      const text = `${binding} did not answer ${message.functionPath} within ${timeoutMs / 1_000} s; it may still do it`;
      throw new GantryError("BRIDGE_TIMEOUT", text, { binding, timeout: timeoutMs / 1_000 }, { cause: error });
    }
    return failure(error, binding);
  } finally {
    clearTimeout(timer);
  }
  return success(result, message.functionPath);
}

function success(result: unknown, functionPath: string): FunctionAnswer {
  let value: string;
  try {
    value = JSON.stringify(result ?? null) ?? "null";
  } catch (error) {
    const message = `what ${functionPath} returned is no JSON: ${describeError(error)}`;
    throw new GantryError("BRIDGE_TARGET_FAILED", message, {}, { cause: error });
  }
  const bytes = bytesOf(value);
  if (bytes > BRIDGE_LIMITS.answerBytes) {
    const message = `what ${functionPath} returned is ${bytes} bytes as JSON; at most ${BRIDGE_LIMITS.answerBytes} are passed on`;
    throw new GantryError("BRIDGE_RESULT_TOO_LARGE", message, { bytes, limit: BRIDGE_LIMITS.answerBytes });
  }
  return { ok: true, json: `{"result":${value}}` };
}

function failure(error: unknown, binding: string): FunctionAnswer {
  const text = describeError(error, MAX_MESSAGE_LENGTH);
  if (text.startsWith("The RPC receiver does not implement") && text.includes("bridgeCall")) {
    const message = `the Worker bound as ${binding} has no bridgeCall: export a WorkerEntrypoint with that method, and name it in services[].entrypoint`;
    throw new GantryError("NO_BRIDGE_TARGET", message, { binding }, { cause: error });
  }
  // The platform marks what it says itself of a Worker that it could not reach.
  if (isPlatformFailure(error)) {
    throw new GantryError("BRIDGE_TARGET_FAILED", `the Worker bound as ${binding} could not be called: ${text}`, {
      binding,
    });
  }
  const { code, details } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  return {
    ok: false,
    code: typeof code === "string" && CODE.test(code) ? code : "FUNCTION_FAILED",
    message: text,
    ...(isSmallJson(details) ? { details } : {}),
  };
}

function isPlatformFailure(error: unknown): boolean {
  const { overloaded, retryable } = (typeof error === "object" && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  const isApplications = error instanceof Error && "code" in error;
  return !isApplications && (overloaded === true || retryable === true);
}

function isSmallJson(value: unknown): boolean {
  if (value === undefined) return false;
  try {
    return bytesOf(JSON.stringify(value) ?? "") <= BRIDGE_LIMITS.fieldsBytes;
  } catch {
    return false;
  }
}
