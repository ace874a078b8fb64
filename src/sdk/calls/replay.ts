/**
 * A call that can be put on the way more than once, as far as its body allows. What is in memory is sent again; a small
 * body of a `Request` is kept while it is sent; a stream passes straight through and is sent once.
 */

/** Larger bodies of a `Request` are streamed and sent once. */
export const REPLAY_BODY_BYTES = 65_536;

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export type CallInput = string | URL | Request;

export interface Replay {
  /** The request for the next try. */
  next(url: string, header: readonly [string, string], signal: AbortSignal | undefined): Request;
  /** Whether there is a body for another try. */
  canResend(): boolean;
  /** Safe to send again though it may have been acted on. */
  readonly isIdempotent: boolean;
  /** The one that the input came with. */
  readonly signal: AbortSignal | undefined;
}

type Kept = string | ArrayBuffer | ArrayBufferView<ArrayBuffer> | Blob | FormData | URLSearchParams | null;

interface Body {
  /** What can be sent any number of times; undefined when nothing can (any more, or yet). */
  kept(): Kept | undefined;
  /** For the one time that it is sent as it came. */
  readonly once?: RequestInit["body"];
}

export async function makeReplay(input: CallInput, init: RequestInit | undefined): Promise<Replay> {
  const source = input instanceof Request ? (init === undefined ? input : new Request(input, init)) : undefined;
  const method = (source?.method ?? init?.method ?? "GET").toUpperCase();
  const headers = new Headers(source?.headers ?? init?.headers);
  const body = source === undefined ? bodyOfInit(init) : await bodyOfRequest(source);
  const extras = platformFields(source ?? init);
  let isSent = false;
  return {
    isIdempotent: IDEMPOTENT.has(method),
    signal: source?.signal ?? init?.signal ?? undefined,
    canResend: () => body.kept() !== undefined,
    next(url, [name, value], signal) {
      const content =
        !isSent && body.once !== undefined ? { body: body.once, duplex: "half" } : { body: body.kept() ?? null };
      isSent = true;
      // Redirects are the application's answer: followed here they would lead nowhere.
      const fields = { ...extras, method, headers, redirect: "manual" as const, ...content };
      const request = new Request(url, signal === undefined ? fields : { ...fields, signal });
      request.headers.set(name, value);
      return request;
    },
  };
}

/** `cf` of a Worker's request goes along. */
function platformFields(from: Request | RequestInit | undefined): object {
  const { cf } = (from ?? {}) as { cf?: unknown };
  return cf === undefined || cf === null ? {} : { cf };
}

function bodyOfInit(init: RequestInit | undefined): Body {
  const body = init?.body ?? null;
  if (isStream(body)) return { kept: () => undefined, once: body };
  return { kept: () => body as Kept };
}

function isStream(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body;
}

async function bodyOfRequest(request: Request): Promise<Body> {
  if (request.body === null) return { kept: () => null };
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > REPLAY_BODY_BYTES) return { kept: () => undefined, once: request.body };
  if (declared !== null) {
    const bytes = await request.arrayBuffer();
    return { kept: () => bytes };
  }
  // Its length is not known: it goes out at once, and a copy is kept beside until that is too much.
  const [once, copy] = request.body.tee();
  let bytes: ArrayBuffer | undefined;
  void readSmall(copy).then(
    (all) => (bytes = all),
    () => undefined,
  );
  return { kept: () => bytes, once };
}

/** Undefined when there is more than what is kept. */
async function readSmall(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer | undefined> {
  const reader = stream.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return await new Blob(chunks).arrayBuffer();
    size += value.byteLength;
    if (size > REPLAY_BODY_BYTES) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(new Uint8Array(value));
  }
}
