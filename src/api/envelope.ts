/**
 * Cloudflare's envelope, for every answer. A domain error's `message` is itself JSON `{"error": "<ENUM>", "details"}`,
 * which is what Cloudflare's clients parse. The legacy base gives the bare result, and errors as `{error, details}`.
 */
import { describeError, ERRORS, GantryError } from "../errors.ts";

export interface ResultInfo {
  readonly per_page: number;
  readonly page_token: string | null;
  readonly next_page_token?: string;
  readonly count: number;
  /** Only of lists whose clients count pages. */
  readonly page?: number;
  readonly total_count?: number;
}

export interface Answer {
  readonly status?: number;
  readonly result: unknown;
  readonly resultInfo?: ResultInfo;
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * How an answer is dressed: Cloudflare's envelope; the same with errors as sentences, for clients that show them as they
 * are; the bare form of the legacy base.
 */
export type Form = "envelope" | "plain" | "bare";

/**
 * Who asks and what a path is are no domain's business: Cloudflare says them in a sentence, and clients show them as they
 * are. What is denied is told to containers, which are no client of the API.
 */
const SENTENCES: ReadonlySet<keyof typeof ERRORS> = new Set([
  "UNAUTHORIZED",
  "FORBIDDEN",
  "ACCOUNT_NOT_FOUND",
  "ROUTE_NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "EGRESS_DENIED",
]);

/** What is sent, and what is kept for a retry with the same idempotency key. */
export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_TYPE = { "content-type": "application/json" };

export function renderSuccess(answer: Answer, form: Form): Rendered {
  const { status = 200, result, resultInfo, etag, headers } = answer;
  const enveloped = { success: true, errors: [], messages: [], result, ...(resultInfo && { result_info: resultInfo }) };
  return {
    status,
    headers: { ...JSON_TYPE, ...(etag === undefined ? {} : { etag }), ...headers },
    body: JSON.stringify(form === "bare" ? result : enveloped),
  };
}

export function renderError(error: unknown, form: Form, requestId: string): Rendered {
  if (GantryError.is(error)) return render(error.code, error.message, error.details, form, requestId);
  console.error({ message: "request.failed", requestId, error: describeError(error), stack: stackOf(error) });
  const message = `an internal error; request ${requestId} names it in the logs`;
  return render("INTERNAL", message, { request_id: requestId }, form, requestId);
}

/** For answers outside of the control API, which have no request id of their own. */
export function errorResponse(error: unknown): Response {
  return toResponse(renderError(error, "envelope", crypto.randomUUID()));
}

export function toResponse({ status, headers, body }: Rendered): Response {
  return new Response(status === 204 ? null : body, { status, headers });
}

function render(
  code: keyof typeof ERRORS,
  message: string,
  details: GantryError["details"],
  form: Form,
  requestId: string,
): Rendered {
  const { status, numeric, retryable } = ERRORS[code];
  // Clients show the details and not the message beside them.
  const explained = code === "VALIDATE_INPUT" ? details : { reason: message, ...details };
  const domain = { error: code, message, retryable, details: explained };
  const beside = { error: code, retryable, details: explained };
  const body =
    form === "bare"
      ? { ...domain, request_id: requestId }
      : {
          success: false,
          // `message` is what Cloudflare's clients read; the same beside it, for whoever does not want to parse twice.
          errors: [
            {
              code: numeric,
              message: form === "plain" || SENTENCES.has(code) ? message : JSON.stringify(domain),
              ...beside,
            },
          ],
          messages: [],
          result: null,
        };
  return { status, headers: { ...JSON_TYPE, ...standardHeaders(code, details) }, body: JSON.stringify(body) };
}

/** What HTTP itself asks for beside some statuses. */
function standardHeaders(code: keyof typeof ERRORS, details: GantryError["details"]): Record<string, string> {
  const { status, retryable } = ERRORS[code];
  // Official SDKs repeat every 409 on their own unless they are told.
  const retry = { "x-should-retry": String(retryable) };
  if (status === 401) return { ...retry, "www-authenticate": 'Bearer realm="Gantry"' };
  if (status === 405) return { ...retry, allow: String(details["allowed"] ?? "") };
  if (status === 412 && typeof details["etag"] === "string") return { ...retry, etag: details["etag"] };
  if (retryable) return { ...retry, "retry-after": String(details["retry_after"] ?? 1) };
  return retry;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}
