/**
 * What policy allows, fetched from the outside on a container's behalf: the same request and the same answer, byte for
 * byte, but for credentials that are set here and for what belongs to a connection or to Gantry. Redirects are answers:
 * a container follows them itself, and is asked about again.
 */
import { describeError, GantryError } from "../../errors.ts";
import type { Decision } from "../policy/decision.ts";
import type { ConnectTo } from "./connect-to.ts";
import { countBytes } from "./count.ts";
import { dropReflected, inject, reflects, type Injected, type SecretValue } from "./credentials.ts";
import { dropOwn } from "./headers.ts";

export interface ByteCounter {
  readonly up: (bytes: number) => void;
  readonly down: (bytes: number) => void;
  /** The answer is over, whole or not. Not called when `sendUpstream` throws, or a WebSocket has begun. */
  readonly end?: () => void;
}

export interface Upstream {
  readonly decision: Pick<Extract<Decision, { readonly allowed: true }>, "host" | "credentials">;
  /** By the secret's name; null: there is none. */
  readonly secrets: (name: string) => Promise<SecretValue | null>;
  readonly connectTo: ConnectTo;
  readonly count: ByteCounter;
}

/** Throws what no answer of the host is: it was not reached, or a credential for it is not to be had. */
export async function sendUpstream(request: Request, upstream: Upstream): Promise<Response> {
  const { decision, secrets, connectTo, count } = upstream;
  const { host, credentials } = decision;
  const asked = new URL(request.url);
  const injected = await inject(credentials, host, secrets);
  // A secret is not sent for everybody to read, whichever way the container asks.
  if (injected.headers.length > 0) asked.protocol = "https:";
  const mapped = connectTo(asked);
  const outgoing = outgoingRequest(request, { asked, mapped, injected, count });
  let response: Response;
  try {
    response = await fetch(outgoing, { encodeResponseBody: "manual" });
  } catch (error) {
    throw unreached(host, error, injected);
  }
  return passOn(response, request.method, injected, count);
}

/**
 * What Cloudflare's cache keeps, it keeps for everyone who asks for the same address. This is what `cache: "no-store"`
 * means to the platform, which would tell the host `Cache-Control: no-cache` besides.
 */
const PAST_THE_CACHE: RequestInitCfProperties = { cacheTtl: -1, cacheLevel: "bypass" };

interface Outgoing {
  readonly asked: URL;
  readonly mapped: URL | null;
  readonly injected: Injected;
  readonly count: ByteCounter;
}

function outgoingRequest(request: Request, { asked, mapped, injected, count }: Outgoing): Request {
  const headers = new Headers(request.headers);
  dropOwn(headers);
  // A second `100 Continue` breaks the request; its length is that of its body.
  for (const name of ["expect", "content-length"]) headers.delete(name);
  if (mapped !== null) {
    // The runtime makes `host` from the URL, whatever is said.
    headers.set("x-forwarded-host", asked.host);
    headers.set("x-forwarded-proto", asked.protocol.slice(0, -1));
  }
  for (const { name, value } of injected.headers) headers.set(name, value);
  const { method, body } = request;
  const init: RequestInit = { headers, redirect: "manual", cf: PAST_THE_CACHE };
  if (body === null) return new Request(mapped ?? asked, { ...init, method });
  const length = lengthOf(request.headers);
  if (method === "GET" || method === "HEAD") {
    // A body that only an existing request may have.
    count.up(length ?? 0);
    return new Request(new Request(mapped ?? asked, request), init);
  }
  const broken = new AbortController();
  // The runtime ends a chunked body that breaks as if it were whole: the request has to be taken back before.
  const onBreak = () => broken.abort();
  const counted = countBytes(body, { length, onBytes: count.up, onBreak });
  return new Request(mapped ?? asked, { ...init, method, body: counted, signal: broken.signal });
}

/** Counting what passes would cost more than all the rest of an answer of so many bytes. */
const COUNTED_AS_ANNOUNCED = 65_536;

/** Statuses without a body, whatever their headers say. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

function passOn(response: Response, method: string, injected: Injected, count: ByteCounter): Response {
  const { status, body, webSocket } = response;
  if (status !== 101 && (status < 200 || status > 599)) return asItIs(response, injected, count);
  const headers = new Headers(response.headers);
  const length = lengthOf(headers);
  dropOwn(headers);
  dropReflected(headers, injected.values);
  if (webSocket !== null) return new Response(null, { status, headers, webSocket });
  const statusText = reflects(response.statusText, injected.values) ? "" : response.statusText;
  const init: ResponseInit = { status, statusText, headers, encodeBody: "manual" };
  if (body === null || method === "HEAD" || BODILESS.has(status)) {
    count.end?.();
    return new Response(null, init);
  }
  if (length !== null && length <= COUNTED_AS_ANNOUNCED) {
    count.down(length);
    count.end?.();
    return new Response(body, init);
  }
  const counted = countBytes(body, {
    length,
    onBytes: count.down,
    ...(count.end === undefined ? {} : { onEnd: count.end }),
  });
  return new Response(counted, init);
}

/** A status that no answer can be made with, only passed on: nothing can be taken out of it. */
function asItIs(response: Response, { values }: Injected, count: ByteCounter): Response {
  const { status, statusText, headers } = response;
  if (reflects(JSON.stringify([statusText, ...headers]), values)) {
    const message = `the answer has the status ${status} and repeats a credential: it is kept back`;
    throw new GantryError("EGRESS_UPSTREAM_FAILED", message, { status });
  }
  count.down(lengthOf(headers) ?? 0);
  count.end?.();
  return response;
}

function lengthOf(headers: Headers): number | null {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** workerd has reasons that it shows to nobody: of a fetch, mostly that there is no such name. */
const UNEXPLAINED = "its name is not known, or nothing answers there";

function isUnexplained(text: string): boolean {
  return text.startsWith("internal error; reference = ");
}

function unreached(host: string, error: unknown, { values }: Injected): GantryError {
  const text = describeError(error);
  const why = reflects(text, values) ? "" : `: ${isUnexplained(text) ? `${UNEXPLAINED} (${text})` : text}`;
  return new GantryError("EGRESS_UPSTREAM_FAILED", `${host} could not be reached${why}`, { host });
}
