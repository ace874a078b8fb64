/**
 * What the SDK throws. The code is the contract, the message is for people; `retryable` says whether the same call may
 * be made again without any risk of doing something twice. Codes of the control plane pass through unchanged.
 */
import type { ErrorCode as ControlPlaneCode } from "../errors.ts";

/** Failures that only the caller's side can see. */
export type CallerCode =
  /** The connection ended before the answer did. Whether the application acted on the request is not known. */
  | "CONNECTION_LOST"
  /** No answer within the time that the caller set. */
  | "TIMEOUT"
  /** An answer that is not what the protocol says. */
  | "MALFORMED_ANSWER"
  /** A status of 300 or more without an error in the form that the protocol says. */
  | "UNEXPECTED_STATUS"
  /** The application answered an upgrade with something else than a WebSocket. */
  | "NOT_A_WEBSOCKET"
  /** What is bound is not the entrypoint `Gantry`, or one of an older release. */
  | "NOT_SUPPORTED";

/** Newer control planes may know more codes: those pass through too. */
export type GantryErrorCode = ControlPlaneCode | CallerCode | (string & {});

/** Plain data: fields, limits, ids. Never a secret or an environment value. */
export type GantryErrorDetails = Readonly<Record<string, unknown>>;

export interface GantryErrorOptions {
  readonly retryable?: boolean;
  readonly details?: GantryErrorDetails;
  readonly status?: number | null;
  readonly instance?: string | null;
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

const DEFAULT_STATUS = 502;

export class GantryError extends Error {
  override readonly name = "GantryError";
  readonly code: GantryErrorCode;
  readonly retryable: boolean;
  readonly details: GantryErrorDetails;
  /** HTTP status of the refusal; null where there was no answer at all. */
  readonly status: number | null;
  /** The instance that was to answer, where one was chosen. */
  readonly instance: string | null;
  /** How long Gantry asks to wait before the next call. */
  readonly retryAfterMs: number | null;

  constructor(code: GantryErrorCode, message: string, options: GantryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    this.status = options.status ?? null;
    this.instance = options.instance ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  /** True also for an error of another copy of the SDK, and for one that crossed RPC, which drops the class. */
  static is(error: unknown): error is GantryError {
    return error instanceof Error && error.name === "GantryError" && "code" in error && typeof error.code === "string";
  }

  /** What a Worker answers that only passes calls on: status, `retry-after` and the reason, in Gantry's envelope. */
  toResponse(): Response {
    const { code, message, retryable, details } = this;
    const headers = new Headers({ "gantry-error": code, "gantry-retryable": String(retryable) });
    if (this.retryAfterMs !== null) headers.set("retry-after", String(Math.ceil(this.retryAfterMs / 1_000)));
    if (this.instance !== null) headers.set("gantry-instance", this.instance);
    const body = { success: false, errors: [{ code, message, retryable, details }], messages: [], result: null };
    return Response.json(body, { status: this.status ?? DEFAULT_STATUS, headers });
  }
}

/** Bad input of the caller, by field: `{"requiredPorts[0]": "must be …"}`. */
export function invalidInput(what: string, problems: Readonly<Record<string, string>>): GantryError {
  const lines = Object.entries(problems).map(([field, problem]) => (field === "" ? problem : `${field} ${problem}`));
  return new GantryError("VALIDATE_INPUT", `${what}: ${lines.join("; ")}`, { details: problems, status: 400 });
}

/** An error of an RPC call, with its class back. Anything that is not Gantry's own is a lost connection. */
export function ofRpc(error: unknown, method: string): GantryError {
  if (error instanceof GantryError) return error;
  if (GantryError.is(error)) {
    // Only what the other side set is there.
    const { code, message } = error;
    return new GantryError(code, message, { ...(error as GantryErrorOptions), cause: error });
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/does not implement/.test(text)) {
    const message = `the binding has no ${method}(): bind the entrypoint Gantry of a control plane of this release`;
    return new GantryError("NOT_SUPPORTED", message, { cause: error });
  }
  return new GantryError("CONNECTION_LOST", `${method}() got no answer: ${text}`, { cause: error });
}
