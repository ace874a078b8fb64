/** What a caller is told when something is not done: a status, a code for programs, a message for people. */

export interface ErrorFields {
  readonly [name: string]: unknown;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: ErrorFields;
  /** Seconds after which it is worth to ask again. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly fields?: ErrorFields; readonly retryAfter?: number | null; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.fields = more.fields ?? {};
    this.retryAfter = more.retryAfter ?? null;
  }
}

export function badRequest(field: string, reason: string): ApiError {
  return new ApiError(400, "INVALID_REQUEST", `${field}: ${reason}`, { fields: { field } });
}

/** The body of an answer. `message` is there twice: clients of the service that this one follows read it at the top. */
export function errorBody({ code, message, fields, retryAfter }: ApiError): object {
  const retry = retryAfter === null ? {} : { retry_after: retryAfter };
  return { error: { code, message, ...retry, ...fields }, message };
}
