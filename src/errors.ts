/**
 * The one error class of Gantry and its closed set of codes.
 *
 * Pure code returns tagged unions; the shells throw `GantryError`. The code is the contract: HTTP status, Cloudflare's
 * numeric code and retryability are properties of it, never of the message.
 */

/** What a code means on the wire. `numeric` is Cloudflare's `errors[].code`; `wire` its enum, where it has one. */
interface ErrorTraits {
  readonly status: number;
  readonly numeric: number;
  readonly retryable: boolean;
}

export const ERRORS = {
  VALIDATE_INPUT: { status: 400, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE: { status: 400, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_NOT_CONFIGURED: { status: 400, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_RETURNED_ERROR: { status: 400, numeric: 1000, retryable: false },
  SURPASSED_BASE_LIMITS: { status: 400, numeric: 1000, retryable: false },
  SURPASSED_TOTAL_LIMITS: { status: 400, numeric: 1000, retryable: false },
  LOCATION_NOT_ALLOWED: { status: 400, numeric: 1000, retryable: false },
  LOCATION_SURPASSED_BASE_LIMITS: { status: 400, numeric: 1000, retryable: false },
  WRITE_CONFLICT: { status: 409, numeric: 1000, retryable: true },
  NO_OWN_ADDRESS: { status: 403, numeric: 1000, retryable: false },
  PORT_NOT_PUBLIC: { status: 403, numeric: 1000, retryable: false },
  INSTANCE_NOT_READY: { status: 503, numeric: 1000, retryable: true },
  ADDRESS_POOL_EXHAUSTED: { status: 503, numeric: 1000, retryable: true },
  UNAUTHORIZED: { status: 401, numeric: 9109, retryable: false },
  FORBIDDEN: { status: 403, numeric: 9109, retryable: false },
  ACCOUNT_NOT_FOUND: { status: 404, numeric: 7003, retryable: false },
  APPLICATION_NOT_FOUND: { status: 404, numeric: 1609, retryable: false },
  INSTANCE_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  ROUTE_NOT_FOUND: { status: 404, numeric: 7003, retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, numeric: 1000, retryable: false },
  APPLICATION_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  HOSTNAME_TAKEN: { status: 409, numeric: 1000, retryable: false },
  INSTANCE_HELD: { status: 409, numeric: 1000, retryable: false },
  INSTANCE_NOT_NAMED: { status: 409, numeric: 1000, retryable: false },
  INSTANCE_LEAVING: { status: 409, numeric: 1000, retryable: false },
  INSTANCE_NOT_RUNNING: { status: 409, numeric: 1000, retryable: false },
  START_CONFLICT: { status: 409, numeric: 1000, retryable: false },
  SNAPSHOT_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  SNAPSHOT_IN_USE: { status: 409, numeric: 1000, retryable: false },
  SNAPSHOT_LIMIT_REACHED: { status: 409, numeric: 1000, retryable: false },
  SNAPSHOT_NOT_AVAILABLE: { status: 503, numeric: 1000, retryable: false },
  PLACEMENT_NOT_CURRENT: { status: 409, numeric: 1000, retryable: false },
  DESTROY_IS_DELETE: { status: 409, numeric: 1000, retryable: false },
  LEASE_HELD: { status: 409, numeric: 1000, retryable: true },
  LEASE_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  VERSION_MOVED: { status: 409, numeric: 1000, retryable: true },
  DURABLE_OBJECT_ALREADY_HAS_APPLICATION: { status: 400, numeric: 1608, retryable: false },
  DEPLOYMENT_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  DEPLOYMENT_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  PLACEMENT_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  ROLLOUT_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  ROLLOUT_IN_USE: { status: 409, numeric: 1000, retryable: false },
  WAIT_TIMEOUT: { status: 408, numeric: 1000, retryable: true },
  VERSION_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  CURSOR_EXPIRED: { status: 410, numeric: 1000, retryable: false },
  BODY_TOO_LARGE: { status: 413, numeric: 1000, retryable: false },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, numeric: 1000, retryable: false },
  TOO_MANY_WATCHERS: { status: 503, numeric: 1000, retryable: true },
  INSTANCE_LIMIT_REACHED: { status: 503, numeric: 1000, retryable: true },
  INSTANCE_CORDONED: { status: 503, numeric: 1000, retryable: false },
  INSTANCE_CANNOT_START: { status: 503, numeric: 1000, retryable: false },
  SSH_NOT_AVAILABLE: { status: 409, numeric: 1000, retryable: false },
  SIGNATURE_REFUSED: { status: 403, numeric: 1000, retryable: false },
  EXEC_TIMEOUT: { status: 504, numeric: 1000, retryable: false },
  EXEC_OUTPUT_TOO_LARGE: { status: 413, numeric: 1000, retryable: false },
  QUEUE_FULL: { status: 503, numeric: 1000, retryable: true },
  NO_OTHER_INSTANCE: { status: 503, numeric: 1000, retryable: false },
  NO_READY_INSTANCE: { status: 503, numeric: 1000, retryable: true },
  SCALED_TO_ZERO: { status: 503, numeric: 1000, retryable: true },
  INSTANCE_UNREACHABLE: { status: 502, numeric: 1000, retryable: true },
  TOKEN_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  OWNED_BY_ANOTHER: { status: 409, numeric: 1000, retryable: false },
  ACCOUNT_NOT_EMPTY: { status: 409, numeric: 1000, retryable: false },
  PRECONDITION_FAILED: { status: 412, numeric: 1000, retryable: false },
  IDEMPOTENCY_IN_PROGRESS: { status: 409, numeric: 1000, retryable: true },
  IDEMPOTENCY_KEY_REUSED: { status: 422, numeric: 1000, retryable: false },
  RATE_LIMITED: { status: 429, numeric: 971, retryable: true },
  MASTER_KEY_MISSING: { status: 503, numeric: 1000, retryable: true },
  SECRET_UNREADABLE: { status: 503, numeric: 1000, retryable: true },
  SECRET_NAME_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  SECRET_NAME_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  SECRET_IN_USE: { status: 409, numeric: 1000, retryable: false },
  SSH_PUBLIC_KEY_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  SSH_PUBLIC_KEY_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  SSH_PUBLIC_KEY_IN_USE: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_NOT_ALLOWED: { status: 403, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_IN_USE: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_IS_PUBLIC: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_PROTOCOL_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_PROTOCOL_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  IMAGE_REPOSITORY_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  IMAGE_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  IMAGE_IN_USE: { status: 409, numeric: 1000, retryable: false },
  IMAGE_REGISTRY_PROTO_IS_REFERENCED: { status: 400, numeric: 1000, retryable: false },
  SECRETS_STORE_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  PLACEMENT_ENDED: { status: 410, numeric: 1000, retryable: false },
  JOB_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  JOB_ATTEMPT_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  JOB_CREATE_NOT_ALLOWED: { status: 400, numeric: 1000, retryable: false },
  JOB_FINISHED: { status: 409, numeric: 1000, retryable: false },
  SCHEDULE_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  SCHEDULE_ALREADY_EXISTS: { status: 409, numeric: 1000, retryable: false },
  SCHEDULE_LIMIT_REACHED: { status: 409, numeric: 1000, retryable: false },
  SCHEDULE_BUSY: { status: 409, numeric: 1000, retryable: true },
  TASK_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  TASK_FINISHED: { status: 409, numeric: 1000, retryable: false },
  TASKS_FULL: { status: 429, numeric: 1000, retryable: true },
  JOB_INSTANCE: { status: 409, numeric: 1000, retryable: false },
  LOGS_NOT_AVAILABLE: { status: 404, numeric: 1000, retryable: false },
  NO_JOB: { status: 404, numeric: 1000, retryable: false },
  HOLD_EXPIRED: { status: 409, numeric: 1000, retryable: false },
  NO_BRIDGE_TARGET: { status: 409, numeric: 1000, retryable: false },
  BRIDGE_TARGET_FAILED: { status: 502, numeric: 1000, retryable: false },
  BRIDGE_RESULT_TOO_LARGE: { status: 502, numeric: 1000, retryable: false },
  BRIDGE_TIMEOUT: { status: 504, numeric: 1000, retryable: false },
  CALL_LOOP: { status: 508, numeric: 1000, retryable: false },
  EGRESS_DENIED: { status: 403, numeric: 1000, retryable: false },
  BINDING_NOT_GRANTED: { status: 403, numeric: 1000, retryable: false },
  BINDING_NOT_AVAILABLE: { status: 503, numeric: 1000, retryable: false },
  BINDING_FAILED: { status: 502, numeric: 1000, retryable: true },
  KEY_NOT_FOUND: { status: 404, numeric: 1000, retryable: false },
  LENGTH_REQUIRED: { status: 411, numeric: 1000, retryable: false },
  RANGE_NOT_SATISFIABLE: { status: 416, numeric: 1000, retryable: false },
  CHECKSUM_MISMATCH: { status: 400, numeric: 1000, retryable: false },
  EGRESS_OPEN: { status: 409, numeric: 1000, retryable: false },
  EGRESS_UPSTREAM_FAILED: { status: 502, numeric: 1000, retryable: true },
  EGRESS_MISCONFIGURED: { status: 503, numeric: 1000, retryable: false },
  CREDENTIAL_UNAVAILABLE: { status: 503, numeric: 1000, retryable: true },
  NO_EGRESS_HANDLER: { status: 502, numeric: 1000, retryable: false },
  EGRESS_HANDLER_FAILED: { status: 502, numeric: 1000, retryable: false },
  INTERNAL: { status: 500, numeric: 1000, retryable: true },
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof ERRORS;

/** Plain data that explains the error: field names, limits, ids. Never a secret or an environment value. */
export type ErrorDetails = Record<string, string | number | boolean | null | readonly string[]>;

export class GantryError extends Error {
  override readonly name = "GantryError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** True also for an error that crossed an RPC boundary, which keeps name, message and fields but drops the class. */
  static is(error: unknown): error is GantryError {
    return (
      error instanceof Error &&
      error.name === "GantryError" &&
      "code" in error &&
      typeof error.code === "string" &&
      error.code in ERRORS
    );
  }
}

/** One line for logs and events, capped so that a stored text cannot grow without bound. */
export function describeError(error: unknown, maxLength = 300): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
