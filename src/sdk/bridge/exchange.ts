/**
 * One request to the bridge and what it means. Every answer is `{result}` or `{error: {code, message}}`; everything else
 * is told apart by what it is, so that a caller never mistakes a proxy's page for an answer of a function.
 */
import { anySignal, orAborted } from "../calls/abort.ts";
import { GantryError, invalidInput } from "../errors.ts";

/** An error that the function itself answered with. Its codes are the application's own. */
export class FunctionError extends Error {
  override readonly name = "FunctionError";
  readonly code: string;
  readonly details: unknown;

  constructor(code: string, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export interface ExchangeOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Endpoint {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly timeoutMs: number;
}

export interface Message {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Whether a second one does nothing more than the first. */
  readonly isRepeatable: boolean;
  /** Whether errors are a function's, as far as Gantry does not say that they are its own. */
  readonly isCall?: boolean;
}

export async function exchange(endpoint: Endpoint, message: Message, options: ExchangeOptions = {}): Promise<unknown> {
  const { timeoutMs = endpoint.timeoutMs, signal } = options;
  signal?.throwIfAborted();
  if (!(timeoutMs > 0)) throw invalidInput("bridge", { timeoutMs: `must be a number above 0; it is ${timeoutMs}` });
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const either = anySignal(deadline.signal, signal) as AbortSignal;
    const request = requestOf(endpoint, message, either);
    return await orAborted(answer(endpoint, message, request), either);
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.signal.aborted) {
      const text = `no answer of ${message.method} ${message.path} within ${timeoutMs} ms`;
      throw new GantryError("TIMEOUT", text, { retryable: message.isRepeatable, details: { timeoutMs }, cause: error });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function requestOf({ baseUrl, headers }: Endpoint, { method, path, body }: Message, signal: AbortSignal): Request {
  // Followed, a redirect would carry the token to another host.
  const init = { method, headers, signal, redirect: "manual" as const };
  if (body === undefined) return new Request(`${baseUrl}${path}`, init);
  const json = { ...headers, "content-type": "application/json" };
  return new Request(`${baseUrl}${path}`, { ...init, headers: json, body: stringify(body) });
}

function stringify(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalidInput("bridge", { "": `what is sent must be JSON: ${why}` });
  }
}

async function answer(endpoint: Endpoint, message: Message, request: Request): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await endpoint.fetch(request);
    text = await response.text();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const lost = `the connection to the bridge failed at ${message.method} ${message.path}: ${why}`;
    throw new GantryError("CONNECTION_LOST", lost, { retryable: message.isRepeatable, cause: error });
  }
  return meaningOf(message, response, text);
}

const SHOWN = 200;

function meaningOf({ method, path, isRepeatable, isCall }: Message, response: Response, text: string): unknown {
  const { status, ok, headers } = response;
  const what = `${method} ${path} answered with status ${status}`;
  const body = parse(text);
  const error = field(body, "error");
  if (error !== undefined) {
    const [code, message] = [field(error, "code"), field(error, "message")];
    if (typeof code !== "string" || typeof message !== "string") {
      throw new GantryError("MALFORMED_ANSWER", `${what} and an error without code and message`, { status });
    }
    const own = headers.get("gantry-error") !== null;
    if (isCall === true && !own) throw new FunctionError(code, message, field(error, "details"));
    const retryable = field(error, "retryable") === true;
    throw new GantryError(code, message, { status, retryable, details: detailsOf(error) });
  }
  if (!ok) {
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    const retryable = isRepeatable && status >= 500;
    throw new GantryError("UNEXPECTED_STATUS", `${what}: ${shown}`, { status, retryable });
  }
  if (typeof body !== "object" || body === null || !("result" in body)) {
    const why = body === undefined ? "and no JSON" : "and JSON without a result";
    throw new GantryError("MALFORMED_ANSWER", `${what} ${why}`, { status });
  }
  return body.result;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function detailsOf(error: unknown): Record<string, unknown> {
  const details = field(error, "details");
  return typeof details === "object" && details !== null ? { ...details } : {};
}
