/**
 * Verified layers in R2, by digest and shared by all images that have them. R2 verifies the digest once more before there
 * is an object of that name, so that nothing is ever found under a digest that is not its own. What a password has opened
 * never comes here: whoever reads layers by one asks no cache.
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Fetch } from "../../../src/registry/upstream/transport.ts";
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { LayerCache, LayerSink } from "../download/layer-cache.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { blobKey, deleteBlobs } from "./blobs.ts";
import type { Gateway } from "./gateway.ts";
import type { LastUse } from "./last-use.ts";

/** Until the headers of an answer are there. */
const ANSWER_MS = 10_000;
/** Without a byte. */
const STALL_MS = 60_000;
/** What R2 takes in one piece, with its length known. */
const MAX_BYTES = 5 * 1024 ** 3 - 5 * 1024 ** 2;

export class R2Layers implements LayerCache {
  readonly #r2: Gateway;
  readonly #lastUse: LastUse;
  readonly #metrics: Metrics;
  readonly #fetch: Fetch;
  /** Of which this instance knows that they are there: storing one again would be a request that is billed most. */
  readonly #stored = new Set<string>();

  /** `fetch`: the one whose memory the downloads give back. */
  constructor(r2: Gateway, lastUse: LastUse, metrics: Metrics, fetch: Fetch = globalThis.fetch) {
    this.#fetch = fetch;
    this.#r2 = r2;
    this.#lastUse = lastUse;
    this.#metrics = metrics;
  }

  async open(
    digest: Digest,
    size: number,
    start: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | null> {
    if (!this.#r2.isOn || start >= size) return null;
    this.#metrics.r2("read");
    const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-${size - 1}` };
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const late = setTimeout(() => over.abort(), ANSWER_MS);
    const init = { headers, redirect: "manual", signal: until } as const;
    const response = await this.#fetch(this.#r2.url(blobKey(digest)).href, init).catch(() => null);
    clearTimeout(late);
    const status = response?.status ?? 0;
    const isWhole = Number(response?.headers.get("content-length")) === size - start;
    if (response?.body != null && status === (start === 0 ? 200 : 206) && isWhole) {
      this.#metrics.cached("layers", "hit");
      this.#lastUse.touch(digest);
      return this.#counted(response.body, over);
    }
    await response?.body?.cancel();
    this.#stored.delete(digest);
    if (response === null && !signal.aborted) this.#r2.off("no answer", ANSWER_MS);
    const isThere = response !== null && this.#r2.judge(status);
    this.#metrics.cached("layers", isThere && status === 404 ? "miss" : "error");
    return null;
  }

  async store(digest: Digest, size: number): Promise<LayerSink | null> {
    const isTakable = digest.startsWith("sha256:") && size > 0 && size <= MAX_BYTES;
    if (!this.#r2.isOn || !isTakable || this.#stored.has(digest)) return null;
    this.#metrics.r2("write");
    // The last byte is sent with `commit`: until then R2 has an upload that is not whole, which it forgets.
    const upload = this.#request("PUT", digest, {
      "content-length": String(size),
      "content-type": "application/octet-stream",
      "gantry-sha256": digest.slice("sha256:".length),
    });
    return new Upload(upload, size, (isStored, status) => {
      if (status !== null) this.#r2.judge(status);
      if (!isStored) return;
      this.#metrics.r2Bytes("written", size);
      this.#stored.add(digest);
      this.#lastUse.touch(digest);
    });
  }

  /** It came with other bytes, whatever the reason: R2 has verified those that it took. */
  drop(digest: Digest): void {
    this.forget(digest);
    void deleteBlobs(this.#r2, this.#metrics, [digest]);
  }

  /** Somebody has deleted it. */
  forget(digest: string | null): void {
    if (digest === null) this.#stored.clear();
    else this.#stored.delete(digest);
  }

  #request(method: string, digest: Digest, headers: Record<string, string>): ClientRequest {
    const url = this.#r2.url(blobKey(digest));
    const send: typeof httpRequest = url.protocol === "https:" ? httpsRequest : httpRequest;
    return send(url.href, { method, headers });
  }

  async *#counted(
    body: ReadableStream<Uint8Array>,
    over: AbortController,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = body.getReader();
    try {
      for (;;) {
        const stalled = setTimeout(() => over.abort(new Error("the cache has stalled")), STALL_MS);
        const { done, value } = await reader.read().finally(() => clearTimeout(stalled));
        if (done) return;
        this.#metrics.r2Bytes("read", value.length);
        yield value;
      }
    } finally {
      over.abort();
      await reader.cancel().catch(() => undefined);
    }
  }
}

/** A layer on its way to R2. Whatever goes wrong with it is no matter of the download. */
class Upload implements LayerSink {
  readonly #request: ClientRequest;
  readonly #size: number;
  readonly #ended: (isStored: boolean, status: number | null) => void;
  readonly #answer: Promise<number | null>;
  #last: Buffer | null = null;
  #written = 0;
  #isBroken = false;

  constructor(request: ClientRequest, size: number, ended: (isStored: boolean, status: number | null) => void) {
    this.#request = request;
    this.#size = size;
    this.#ended = ended;
    request.setTimeout(STALL_MS, () => request.destroy());
    this.#answer = new Promise((resolve) => {
      request.on("response", (response: IncomingMessage) => {
        response.resume();
        resolve(response.statusCode ?? null);
      });
      request.on("error", () => {
        this.#isBroken = true;
        resolve(null);
      });
      request.on("close", () => {
        this.#isBroken = true;
        resolve(null);
      });
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#isBroken || bytes.length === 0) return;
    this.#written += bytes.length;
    if (this.#last !== null) await this.#send(this.#last);
    // Copied, as nothing else is: the caller uses the memory again once this is over.
    this.#last = Buffer.from(bytes.subarray(-1));
    await this.#send(bytes.subarray(0, -1));
  }

  async commit(): Promise<void> {
    const { size, last } = { size: this.#size, last: this.#last };
    if (this.#isBroken || last === null || this.#written !== size) {
      this.abandon();
      return;
    }
    this.#request.end(last);
    const status = await this.#answer;
    this.#ended(status === 200 || status === 201, status);
  }

  abandon(): void {
    this.#request.destroy();
    this.#ended(false, null);
  }

  /** Until the kernel has them. */
  async #send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || this.#isBroken) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#request.once("close", resolve);
    this.#request.write(bytes, () => resolve());
    await promise;
    this.#request.off("close", resolve);
  }
}
