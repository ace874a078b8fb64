/**
 * Cloudflare's envelope, for every answer. A domain error's `message` is itself JSON `{"error": "<ENUM>", "details"}`,
 * which is what Cloudflare's clients parse.
 */
import { describeError, ERRORS, GantryError } from "../errors.ts";

export interface ResultInfo {
  readonly per_page: number;
  readonly page_token: string | null;
  readonly next_page_token?: string;
  readonly count: number;
}

export interface Answer {
  readonly status?: number;
  readonly result: unknown;
  readonly resultInfo?: ResultInfo;
  readonly headers?: Readonly<Record<string, string>>;
}

export function successResponse(answer: Answer): Response {
  const { status = 200, result, resultInfo, headers } = answer;
  const body = { success: true, errors: [], messages: [], result, ...(resultInfo && { result_info: resultInfo }) };
  return Response.json(body, { status, headers: { ...headers } });
}

export function errorResponse(error: unknown, retryHeaders: Readonly<Record<string, string>> = {}): Response {
  if (!GantryError.is(error)) {
    const requestId = crypto.randomUUID();
    console.error({ message: "request.failed", requestId, error: describeError(error), stack: stackOf(error) });
    return respond("INTERNAL", "an internal error; the request id names it in the logs", { request_id: requestId }, {});
  }
  const headers = ERRORS[error.code].retryable ? retryHeaders : {};
  return respond(error.code, error.message, error.details, headers);
}

function respond(
  code: keyof typeof ERRORS,
  message: string,
  details: GantryError["details"],
  headers: Readonly<Record<string, string>>,
): Response {
  const { status, numeric, retryable } = ERRORS[code];
  const text = JSON.stringify({ error: code, message, retryable, details });
  const body = { success: false, errors: [{ code: numeric, message: text }], messages: [], result: null };
  return Response.json(body, { status, headers: { ...headers, ...standardHeaders(code, details) } });
}

/** What HTTP itself asks for beside some statuses. */
function standardHeaders(code: keyof typeof ERRORS, details: GantryError["details"]): Record<string, string> {
  if (code === "UNAUTHORIZED") return { "www-authenticate": 'Bearer realm="Gantry"' };
  if (code === "METHOD_NOT_ALLOWED") return { allow: String(details["allowed"] ?? "") };
  return {};
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
