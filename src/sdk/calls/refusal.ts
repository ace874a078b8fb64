/**
 * An answer that is Gantry's own and not the application's. Only the header `gantry-error` says so: status and body of
 * an application may be anything, and are never looked at.
 */
import { ERROR_HEADER, INSTANCE_HEADER, RETRYABLE_HEADER } from "../binding.ts";
import { GantryError, type GantryErrorDetails } from "../errors.ts";
import { parseRetryAfter } from "./retry-policy.ts";

export function isRefusal(response: Response): boolean {
  return response.headers.has(ERROR_HEADER);
}

/** Reads the answer to its end. */
export async function errorOf(response: Response, now: number): Promise<GantryError> {
  const { headers, status } = response;
  const code = headers.get(ERROR_HEADER) ?? "MALFORMED_ANSWER";
  const { message, details } = described(await textOf(response));
  const instance = headers.get(INSTANCE_HEADER) ?? details["instance"];
  return new GantryError(code, message ?? `Gantry refused the call: ${code}`, {
    retryable: headers.get(RETRYABLE_HEADER) === "true",
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), now),
    instance: typeof instance === "string" ? instance : null,
    status,
    details,
  });
}

/** Codes that leave open whether an instance acted on the request. Another one may be asked if the caller allows it. */
const OF_ONE_INSTANCE: ReadonlySet<string> = new Set([
  "INSTANCE_UNREACHABLE",
  "INSTANCE_NOT_READY",
  "CONNECTION_LOST",
  "INTERNAL",
]);

export function mayAskAnother(error: GantryError): boolean {
  return error.retryable || OF_ONE_INSTANCE.has(error.code);
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    return "";
  }
}

export interface Described {
  readonly code?: string;
  readonly message?: string;
  readonly retryable: boolean;
  readonly details: GantryErrorDetails;
}

/** The first error of an envelope. Its message may itself be JSON, which is what Cloudflare's clients read. */
export function described(text: string): Described {
  const first = fieldsOf(listOf(fieldsOf(parse(text))["errors"])[0]);
  const inner = typeof first["message"] === "string" ? fieldsOf(parse(first["message"])) : {};
  const [code, message] = [textIn(inner, first, "error"), textIn(inner, first, "message")];
  return {
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    retryable: (inner["retryable"] ?? first["retryable"]) === true,
    details: fieldsOf(inner["details"] ?? first["details"]),
  };
}

function textIn(inner: Record<string, unknown>, outer: Record<string, unknown>, field: string): string | undefined {
  return [inner[field], outer[field]].find((value) => typeof value === "string");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
