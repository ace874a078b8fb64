/**
 * The SharedState object: what the instances of one application have to agree on for a minute. Each object, by name, is a
 * count of how often something was done, or a value that one instance writes and another reads. Applications reach it
 * through the gateway of objects, below a prefix of their own; Gantry itself does not use it.
 *
 * All of it is in memory: a row for each request of a visitor would cost more than what it protects. The timer that
 * drops what has ended keeps the object in memory until then; when it is lost all the same, a count begins anew.
 */
import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { count, counting } from "./window.ts";

export const MAX_VALUE_BYTES = 16_384;
const MAX_LIMIT = 10_000;
const MAX_WINDOW_S = 3_600;
const MAX_TTL_S = 3_600;
const MAX_WAIT_S = 25;
/** A reader comes again at once after a wait: one that has been away for longer has gone. */
const READER_GONE_MS = (MAX_WAIT_S + 10) * 1_000;

const countBody = z.strictObject({
  limit: z.int().min(1).max(MAX_LIMIT),
  windowSeconds: z.int().min(1).max(MAX_WINDOW_S),
});
const ttlText = z.coerce.number().int().min(1).max(MAX_TTL_S);
const waitText = z.coerce.number().min(0).max(MAX_WAIT_S);

interface Value {
  readonly text: string;
  readonly type: string;
  /** Of this object's life: what `after` is compared with. */
  readonly version: number;
  readonly until: number;
}

export class SharedState extends DurableObject<Env> {
  #times: number[] = [];
  #windowMs = 0;
  #value: Value | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Not from 0: a version of a life before is none of this one. */
  #version = Date.now();

  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const route = `${request.method} ${url.pathname}`;
    switch (route) {
      case "POST /count":
        return await this.#count(request);
      case "PUT /value":
        return await this.#write(request, url);
      case "GET /value":
        return await this.#read(request, url);
      case "DELETE /value":
        this.#set(null);
        return new Response(null, { status: 204 });
      default:
        return problem(404, `${route}: there are POST /count, and GET, PUT and DELETE of /value`);
    }
  }

  async #count(request: Request): Promise<Response> {
    const text = await boundedText(request);
    const body = countBody.safeParse(parsed(text));
    if (!body.success) return problem(400, z.prettifyError(body.error));
    const windowMs = body.data.windowSeconds * 1_000;
    const counted = count(this.#times, { limit: body.data.limit, windowMs }, Date.now());
    this.#times = counted.times;
    this.#windowMs = windowMs;
    this.#forgetLater();
    return Response.json(counted.verdict);
  }

  /** Says whether anybody reads, so that a writer without readers can spare its requests. */
  async #write(request: Request, url: URL): Promise<Response> {
    const ttl = ttlText.safeParse(url.searchParams.get("ttl"));
    if (!ttl.success) return problem(400, `ttl: seconds from 1 to ${MAX_TTL_S}`);
    const text = await boundedText(request);
    if (text === null) return problem(413, `a value has at most ${MAX_VALUE_BYTES} bytes`);
    this.#version += 1;
    const type = request.headers.get("content-type") ?? "text/plain";
    this.#set({ text, type, version: this.#version, until: Date.now() + ttl.data * 1_000 });
    const hasReaders = this.#waiting.size > 0 || this.#readAt > Date.now() - READER_GONE_MS;
    return Response.json({ version: this.#version, hasReaders });
  }

  /** `wait`: so many seconds for one that is newer than `after`, or for the first. */
  async #read(request: Request, url: URL): Promise<Response> {
    const wait = waitText.safeParse(url.searchParams.get("wait") ?? "0");
    if (!wait.success) return problem(400, `wait: seconds from 0 to ${MAX_WAIT_S}`);
    const after = url.searchParams.get("after");
    this.#readAt = Date.now();
    if (wait.data > 0 && !this.#hasNews(after)) await this.#change(wait.data * 1_000, request.signal);
    this.#readAt = Date.now();
    const value = this.#current();
    if (value === null) return problem(404, "there is no value");
    const headers = { "content-type": value.type, etag: `"${value.version}"` };
    if (!this.#hasNews(after)) return new Response(null, { status: 304, headers });
    return new Response(value.text, { headers });
  }

  #hasNews(after: string | null): boolean {
    const value = this.#current();
    return value !== null && String(value.version) !== after;
  }

  #current(): Value | null {
    if (this.#value !== null && this.#value.until <= Date.now()) this.#value = null;
    return this.#value;
  }

  #set(value: Value | null): void {
    this.#value = value;
    for (const wake of this.#waiting) wake();
    this.#forgetLater();
  }

  async #change(ms: number, gone: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    gone.addEventListener("abort", () => resolve());
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }

  /** One timer, for the last of what is kept. */
  #forgetLater(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const now = Date.now();
    const ends = [(this.#times.at(-1) ?? 0) + this.#windowMs, this.#value?.until ?? 0];
    const last = Math.max(...ends);
    this.#timer = last <= now ? null : setTimeout(() => this.#forget(), last - now);
  }

  #forget(): void {
    this.#timer = null;
    this.#times = counting(this.#times, this.#windowMs, Date.now());
    this.#current();
  }
}

/** Null: more than a value may have. */
async function boundedText(request: Request): Promise<string | null> {
  if (Number(request.headers.get("content-length")) > MAX_VALUE_BYTES) return null;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_VALUE_BYTES) return null;
    chunks.push(chunk);
  }
  return await new Blob(chunks).text();
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function problem(status: number, message: string): Response {
  return Response.json({ error: { message } }, { status });
}
