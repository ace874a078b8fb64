/**
 * What the Messages API has refused, as the caller hears it: with the status and the waiting time that it came with. What
 * Gantry has answered in place of the API, as for a key that is not there, is told apart by its own header.
 */
import { APIConnectionTimeoutError, APIError, APIUserAbortError, AnthropicError } from "@anthropic-ai/sdk";
import { ApiError } from "../api/errors.ts";

/** Of an error within a stream that had begun with 200. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  timeout_error: 504,
  api_error: 500,
  overloaded_error: 529,
};

const PASSED = ["retry-after", "request-id"] as const;

export function noApiKey(reason?: string): ApiError {
  return new ApiError({
    status: 503,
    code: "NO_API_KEY",
    message:
      "no API key is configured. Set ANTHROPIC_API_KEY and make it the account's secret: " +
      "npm run gantry -- secrets set ANTHROPIC_API_KEY --env ANTHROPIC_API_KEY. " +
      "A process that runs alone takes it from its environment",
    ...(reason === undefined ? {} : { details: { reason } }),
  });
}

/** Null: it is none of the API's, but a fault of this program. */
export function upstreamError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof APIUserAbortError) return null;
  if (error instanceof APIConnectionTimeoutError) {
    return new ApiError({ status: 504, code: "UPSTREAM_TIMEOUT", message: "the Messages API did not answer in time" });
  }
  if (error instanceof APIError) return ofApi(error);
  if (!(error instanceof AnthropicError)) return null;
  // A stream that broke off, or was no stream of messages.
  return new ApiError({ status: 502, code: "UPSTREAM_BROKEN", message: error.message });
}

function ofApi(error: APIError): ApiError {
  const gantry = error.headers?.get("gantry-error") ?? null;
  if (gantry === "CREDENTIAL_UNAVAILABLE") return noApiKey();
  if (gantry !== null) {
    const message = `the request did not reach the Messages API: ${reasonOf(error.error) ?? error.message}`;
    return new ApiError({ status: 502, code: gantry, message });
  }
  const { type } = error;
  const status = error.status ?? (type === null ? undefined : STATUS_OF_TYPE[type]);
  if (status === undefined) {
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    return new ApiError({
      status: 502,
      code: "UPSTREAM_UNREACHABLE",
      message: `the Messages API was not reached: ${cause}`,
    });
  }
  const headers = PASSED.flatMap((name) => {
    const value = error.headers?.get(name);
    return value == null ? [] : [[name, value] as const];
  });
  return new ApiError({
    status,
    code: type ?? "UPSTREAM_ERROR",
    message: error.apiMessage ?? error.message,
    headers: Object.fromEntries(headers),
  });
}

/** In words, of an error of Gantry's own. */
function reasonOf(body: unknown): string | null {
  const { errors } = (body ?? {}) as { errors?: readonly { details?: { reason?: unknown } }[] };
  const reason = Array.isArray(errors) ? errors[0]?.details?.reason : null;
  return typeof reason === "string" ? reason : null;
}
