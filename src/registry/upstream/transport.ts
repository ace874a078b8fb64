/**
 * Requests to a registry and to where it leads: redirects by hand, so that a password never goes to another host and
 * nobody is led to a private one; a bounded number of tries; times after which an answer is not waited for any more.
 * Who fetches and what time it is are given: the same code runs in Workers and in Node.
 */
import { refusalOf, type Endpoint } from "./domains.ts";
import { UpstreamError, upstreamError } from "./failure.ts";
import { retryAfter } from "./range.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Clock {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface Limits {
  /** Milliseconds until the headers of an answer are there. */
  readonly headersMs: number;
  /** Milliseconds between bytes of a body. */
  readonly stallMs: number;
  /** Milliseconds that a registry which is too busy may have its clients wait, in all tries of one request. */
  readonly waitMs: number;
  /** Tries of what failed on its side. */
  readonly tries: number;
}

export const DEFAULT_LIMITS: Limits = { headersMs: 20_000, stallMs: 60_000, waitMs: 5_000, tries: 3 };

export interface Transport {
  readonly endpoint: Endpoint;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly limits: Limits;
}

export interface Outgoing {
  readonly method: "GET" | "HEAD" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Arrived {
  readonly response: Response;
  /** Where the answer is from, after redirects. */
  readonly url: URL;
}

/** In a container: what egress has answered in the registry's place. */
const EGRESS_ERROR = "gantry-error";
const MAX_REDIRECTS = 5;
const FIRST_BACK_OFF_MS = 200;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms) => {
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
  },
};

/** Any answer but 429 and 5xx, of the first or a later try. */
export async function send(transport: Transport, url: URL, request: Outgoing): Promise<Arrived> {
  const { clock, limits } = transport;
  let waited = 0;
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt >= limits.tries;
    let failure: UpstreamError;
    let pause = FIRST_BACK_OFF_MS * 4 ** (attempt - 1);
    try {
      const arrived = await follow(transport, url, request);
      const { status, headers } = arrived.response;
      const isDenied = headers.get(EGRESS_ERROR) === "EGRESS_DENIED";
      if (status !== 429 && status < 500 && !isDenied) return arrived;
      await discard(arrived.response);
      if (isDenied) throw upstreamError("UNREACHABLE", `egress does not allow ${arrived.url.host}`);
      const seconds = retryAfter(headers.get("retry-after"), clock.now());
      failure = busy(arrived, seconds);
      if (status === 429 && seconds === null) throw failure;
      if (seconds !== null) pause = Math.max(pause, seconds * 1_000);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.failure.code !== "UNREACHABLE") throw error;
      failure = error;
    }
    waited += pause;
    if (isLast || waited > limits.waitMs) throw failure;
    await clock.sleep(pause);
  }
}

/** What is not read holds a connection. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

async function follow(transport: Transport, first: URL, request: Outgoing): Promise<Arrived> {
  let url = first;
  let { headers } = request;
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetchOnce(transport, url, { ...request, headers });
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return { response, url };
    await discard(response);
    if (request.method === "POST") throw upstreamError("INVALID", `${url.host} redirects a POST`);
    if (redirects === MAX_REDIRECTS) {
      throw upstreamError("INVALID", `${first.host} redirects more than ${MAX_REDIRECTS} times`);
    }
    const next = URL.parse(location, url);
    const refusal = next === null ? "what is no address" : refusalOf(next, url, transport.endpoint);
    if (next === null || refusal !== null) throw upstreamError("INVALID", `${url.host} redirects to ${refusal}`);
    if (next.origin !== url.origin) headers = withoutAuthorization(headers);
    url = next;
  }
}

async function fetchOnce({ fetch, limits }: Transport, url: URL, request: Outgoing): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limits.headersMs);
  const { method, headers, body } = request;
  try {
    const init: RequestInit = { method, headers: { ...headers }, redirect: "manual", signal: late.signal };
    return await fetch(url.href, body === undefined ? init : { ...init, body });
  } catch (error) {
    // Also what the fetching itself refuses: its text may hold what was sent, its kind does not.
    const why = late.signal.aborted ? `gave no answer in ${limits.headersMs / 1_000} s` : "could not be reached";
    throw new UpstreamError({ code: "UNREACHABLE", message: `${url.host} ${why}` }, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function busy({ response: { status, headers }, url }: Arrived, seconds: number | null): UpstreamError {
  if (headers.has(EGRESS_ERROR)) return upstreamError("UNREACHABLE", `${url.host} could not be reached`);
  if (status !== 429) return upstreamError("UNREACHABLE", `${url.host} answers with status ${status}`);
  const when = seconds === null ? "" : `, and again after ${seconds} s`;
  const message = `${url.host} limits how often it is asked${when}`;
  return new UpstreamError({ code: "RATE_LIMITED", message, retryAfter: seconds });
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}
