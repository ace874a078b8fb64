/**
 * The package `gantry/client`: the control API, typed from its own openapi.json. An operation is called by its method and
 * path, as the documentation writes it.
 */
import { anySignal, orAborted } from "../calls/abort.ts";
import { described } from "../calls/refusal.ts";
import { parseRetryAfter } from "../calls/retry-policy.ts";
import { GantryError, invalidInput } from "../errors.ts";
import { ROOT_PATHS, type Operations, type Schemas } from "./operations.ts";

export { GantryError, type CallerCode, type GantryErrorCode } from "../errors.ts";
export type { Operations, Schemas } from "./operations.ts";

export interface ClientOptions {
  /** Where the control plane is: `https://gantry.example.workers.dev`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Default: the token's account. */
  readonly accountId?: string;
  /** Default: the runtime's. A service binding's `fetch` works too. */
  readonly fetch?: (request: Request) => Promise<Response>;
  /** For each request, its answer included. Default 60,000; streams have none. */
  readonly timeoutMs?: number;
}

type AllOptional<T> = Partial<T> extends T ? true : false;

interface HeaderOptions {
  /** The same key does the same once, however often it is sent; 24 h. */
  readonly idempotencyKey?: string;
  /** The write is refused with 412 when this is not the ETag any more. */
  readonly ifMatch?: string;
  readonly leaseNonce?: string;
  /** Whose the new resource is, for `GET /owners`. */
  readonly owner?: string;
}

/** Needed, allowed or refused, as the operation has it. */
type Part<K extends string, T> = [T] extends [undefined]
  ? { readonly [P in K]?: undefined }
  : AllOptional<T> extends true
    ? { readonly [P in K]?: T }
    : { readonly [P in K]: T };

export type OperationName = keyof Operations;

export type OperationOptions<O extends OperationName> = Part<"params", Operations[O]["params"]> &
  Part<"query", Operations[O]["query"]> &
  Part<"body", Operations[O]["body"]> &
  Pick<HeaderOptions, Operations[O]["headers"] & keyof HeaderOptions> & { readonly signal?: AbortSignal };

/** Options may be left out where none is needed. */
type OptionsArgument<O extends OperationName> =
  AllOptional<OperationOptions<O>> extends true ? [options?: OperationOptions<O>] : [options: OperationOptions<O>];

export interface Answer<T> {
  readonly result: T;
  readonly status: number;
  /** For `ifMatch` of the next write. */
  readonly etag: string | null;
  readonly requestId: string | null;
  /** It is the answer to an earlier request with this `idempotencyKey`: this one did nothing. */
  readonly replayed: boolean;
  /** For `page_token` of the next page; null on the last. */
  readonly nextPageToken: string | null;
}

/** Operations whose result is a list. */
export type ListOperation = {
  [O in OperationName]: Operations[O]["result"] extends readonly unknown[]
    ? Operations[O]["query"] extends { page_token?: string }
      ? O
      : never
    : never;
}[OperationName];

type ItemOf<O extends OperationName> = Operations[O]["result"] extends readonly (infer Item)[] ? Item : never;

export interface Client {
  /** Throws a `GantryError` for every answer that is not a success. */
  request<O extends OperationName>(
    operation: O,
    ...options: OptionsArgument<O>
  ): Promise<Answer<Operations[O]["result"]>>;
  /** The answer as it comes, for event streams and text. Throws as `request` does. */
  stream<O extends OperationName>(operation: O, ...options: OptionsArgument<O>): Promise<Response>;
  /** Every item of a list, page after page. */
  items<O extends ListOperation>(operation: O, ...options: OptionsArgument<O>): AsyncGenerator<ItemOf<O>, void>;
}

interface Given extends HeaderOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 60_000;

export function createClient(options: ClientOptions): Client {
  const { fetch: own, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const origin = originOf(options.baseUrl);
  const fetcher = own ?? ((request: Request) => globalThis.fetch(request));
  const send = async (operation: string, given: Given, accept: string, signal: AbortSignal | undefined) => {
    const request = requestOf(origin, options, operation, given, accept, signal);
    let response: Response;
    try {
      response = await orAborted(Promise.resolve(fetcher(request)), signal);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      const why = error instanceof Error ? error.message : String(error);
      const retryable = request.method === "GET" || given.idempotencyKey !== undefined;
      throw new GantryError("CONNECTION_LOST", `${operation} got no answer: ${why}`, { retryable, cause: error });
    }
    if (!response.ok) throw await failureOf(operation, response);
    return response;
  };
  const request = async (operation: string, given: Given = {}): Promise<Answer<unknown>> => {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timeoutMs);
    const signal = anySignal(deadline.signal, given.signal) as AbortSignal;
    try {
      const response = await send(operation, given, "application/json", signal);
      return answerOf(operation, response, await orAborted(response.text(), signal));
    } catch (error) {
      if (given.signal?.aborted === true || !deadline.signal.aborted) throw error;
      throw new GantryError("TIMEOUT", `no answer of ${operation} within ${timeoutMs} ms`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
  const client = {
    request,
    stream: (operation: string, given: Given = {}) => send(operation, given, "text/event-stream, */*", given.signal),
    async *items(operation: string, given: Given = {}) {
      let token = given.query?.["page_token"];
      do {
        const query = token === undefined ? given.query : { ...given.query, page_token: token };
        const page = await request(operation, query === undefined ? given : { ...given, query });
        yield* page.result as unknown[];
        token = page.nextPageToken ?? undefined;
      } while (token !== undefined);
    },
  };
  return client as unknown as Client;
}

function originOf(baseUrl: string): string {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "") {
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  }
  throw invalidInput("createClient", { baseUrl: "must be an http or https URL without credentials and query" });
}

function requestOf(
  origin: string,
  { token, accountId }: ClientOptions,
  operation: string,
  { params = {}, query = {}, body, idempotencyKey, ifMatch, leaseNonce, owner }: Given,
  accept: string,
  signal: AbortSignal | undefined,
): Request {
  const space = operation.indexOf(" ");
  const template = operation.slice(space + 1);
  const account = accountId === undefined ? "/client/v4/containers" : `/client/v4/accounts/${accountId}/containers`;
  const known = accountId === undefined ? params : { account_id: accountId, ...params };
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(known, name) ? known[name] : undefined;
    if (value === undefined || value === "") throw invalidInput(operation, { [name]: "is needed for the path" });
    return encodeURIComponent(value);
  });
  const url = new URL(`${origin}${ROOT_PATHS.includes(template) ? "" : account}${path}`);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) url.searchParams.append(name, String(one));
  }
  const headers = new Headers({ accept, authorization: `Bearer ${token}` });
  if (body !== undefined) headers.set("content-type", "application/json");
  if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
  if (ifMatch !== undefined) headers.set("if-match", ifMatch);
  if (leaseNonce !== undefined) headers.set("gantry-lease-nonce", leaseNonce);
  if (owner !== undefined) headers.set("gantry-owner", owner);
  return new Request(url, {
    method: operation.slice(0, space),
    headers,
    // Followed, a redirect would carry the token to another host.
    redirect: "manual",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
}

interface Envelope {
  readonly success?: unknown;
  readonly result?: unknown;
  readonly result_info?: { readonly next_page_token?: string | null };
}

function answerOf(operation: string, { status, headers }: Response, text: string): Answer<unknown> {
  const isJson = headers.get("content-type")?.includes("json") === true;
  const replayed = headers.get("idempotency-replayed") === "true";
  const beside = { status, etag: headers.get("etag"), requestId: headers.get("x-request-id"), replayed };
  if (!isJson) return { ...beside, result: text, nextPageToken: null };
  let body: Envelope;
  try {
    body = JSON.parse(text) as Envelope;
  } catch (error) {
    throw new GantryError("MALFORMED_ANSWER", `${operation} answered ${status} and no JSON`, { status, cause: error });
  }
  if (body?.success !== true) return { ...beside, result: body, nextPageToken: null };
  return { ...beside, result: body.result, nextPageToken: body.result_info?.next_page_token ?? null };
}

async function failureOf(operation: string, response: Response): Promise<GantryError> {
  const { status, headers } = response;
  const text = await response.text().catch(() => "");
  const { code, message, details, retryable } = described(text);
  return new GantryError(code ?? "UNEXPECTED_STATUS", message ?? `${operation} answered with status ${status}`, {
    status,
    retryable,
    details: { ...details, ...(headers.has("x-request-id") ? { request_id: headers.get("x-request-id") } : {}) },
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), Date.now()),
  });
}

/** What `POST /applications` takes. */
export type CreateApplication = Schemas["CreateApplication"];
