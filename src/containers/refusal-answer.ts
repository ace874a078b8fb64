/**
 * Gantry's own answer to a caller inside of it, a bound Worker or a container: apart from any answer of an application by
 * its headers, which say the code and whether another try may help and can do no harm.
 */
import { errorResponse } from "../api/envelope.ts";
import { ERRORS, GantryError } from "../errors.ts";
import { ERROR_HEADER, RETRYABLE_HEADER } from "./refusal.ts";

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export function refusalAnswer(error: unknown, method: string): Response {
  const response = errorResponse(error);
  const code = GantryError.is(error) ? error.code : "INTERNAL";
  const headers = new Headers(response.headers);
  headers.set(ERROR_HEADER, code);
  headers.set(RETRYABLE_HEADER, String(ERRORS[code].retryable && (wasNotDelivered(code) || IDEMPOTENT.has(method))));
  return new Response(response.body, { status: response.status, headers });
}

/** Of all others it is not known whether the container has seen the request. */
function wasNotDelivered(code: keyof typeof ERRORS): boolean {
  return code !== "INSTANCE_UNREACHABLE" && code !== "INTERNAL";
}
