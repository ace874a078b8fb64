/**
 * Events as `text/event-stream`. Every block that moves the cursor carries `id`, so that a client that comes back with
 * `Last-Event-ID` misses nothing and sees nothing twice. A stream ends after a bounded time and at the
 * deletion of its application: `retry` tells when to come again.
 */
import { GantryError } from "../../errors.ts";
import type { Feed, FeedItem } from "./event-feed.ts";

export interface StreamLimits {
  /** Clients come again after it, as they must after a deploy anyway. */
  readonly maxMs: number;
  /** Proxies drop connections on which nothing happens. */
  readonly keepAliveMs: number;
  readonly retryMs: number;
}

export const STREAM_LIMITS: StreamLimits = { maxMs: 600_000, keepAliveMs: 15_000, retryMs: 2_000 };

/** Names of blocks that are no events of the application. */
export const ENDED = "StreamEnded";
export const EXPIRED = "CursorExpired";

export function serverSentEvents(
  first: Feed,
  cursor: string,
  reopen: (cursor: string) => Promise<Feed>,
  limits: StreamLimits = STREAM_LIMITS,
): Response {
  const stream = new EventStream(first, cursor, reopen, limits);
  const body = new ReadableStream<Uint8Array>(
    { pull: (controller) => stream.pull(controller), cancel: () => stream.close() },
    // One batch ahead of the client at most; the rest waits in the feed, which is bounded.
    { highWaterMark: 1 },
  );
  const headers = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    // nginx would hold events back.
    "x-accel-buffering": "no",
  };
  return new Response(body, { headers });
}

class EventStream {
  readonly #encoder = new TextEncoder();
  readonly #reopen: (cursor: string) => Promise<Feed>;
  readonly #limits: StreamLimits;
  readonly #deadline: number;
  #feed: Feed;
  #cursor: string;
  #isFirst = true;
  /** Nothing came from the feed since it was opened: opening it again would be a loop. */
  #isFresh = false;
  #isCancelled = false;

  constructor(feed: Feed, cursor: string, reopen: (cursor: string) => Promise<Feed>, limits: StreamLimits) {
    this.#feed = feed;
    this.#cursor = cursor;
    this.#reopen = reopen;
    this.#limits = limits;
    this.#deadline = Date.now() + limits.maxMs;
  }

  /** Gives the stream at least one more block, or ends it. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#isFirst) {
      this.#isFirst = false;
      controller.enqueue(this.#encoder.encode(`retry: ${this.#limits.retryMs}\nid: ${this.#cursor}\n\n`));
      return;
    }
    for (;;) {
      const leftMs = this.#deadline - Date.now();
      if (leftMs <= 0) {
        this.#end(controller, ": come again\n\n");
        return;
      }
      const items = await this.#feed.next(Math.min(leftMs, this.#limits.keepAliveMs));
      // Its client went away while it waited.
      if (this.#isCancelled) return;
      if (items === null) {
        const last = await this.#connectAgain();
        if (last === null) continue;
        this.#end(controller, last);
        return;
      }
      const last = items.find((item) => item.kind === "end");
      const text = items.length === 0 ? ": keep-alive\n\n" : items.map((item) => this.#block(item)).join("");
      // The feed's own first word, a cursor that the client knows.
      if (text === "") continue;
      this.#isFresh = false;
      if (last !== undefined) this.#end(controller, text);
      else controller.enqueue(this.#encoder.encode(text));
      return;
    }
  }

  close(): void {
    this.#isCancelled = true;
    this.#feed.close();
  }

  #end(controller: ReadableStreamDefaultController<Uint8Array>, last: string): void {
    this.#feed.close();
    if (last !== "") controller.enqueue(this.#encoder.encode(last));
    controller.close();
  }

  #block(item: FeedItem): string {
    if (item.kind === "end") return block(ENDED, { reason: item.reason });
    if (item.kind === "cursor") {
      if (item.cursor === this.#cursor) return "";
      this.#cursor = item.cursor;
      return `id: ${item.cursor}\n\n`;
    }
    this.#cursor = item.id;
    return `id: ${item.id}\nevent: ${item.name}\ndata: ${item.json}\n\n`;
  }

  /** Null when the stream goes on, else its last words. */
  async #connectAgain(): Promise<string | null> {
    if (this.#isFresh) return "";
    this.#isFresh = true;
    try {
      this.#feed = await this.#reopen(this.#cursor);
      if (this.#isCancelled) this.#feed.close();
      return null;
    } catch (error) {
      if (!GantryError.is(error)) return "";
      if (error.code === "APPLICATION_NOT_FOUND") return block(ENDED, { reason: "deleted" });
      return error.code === "CURSOR_EXPIRED" ? block(EXPIRED, { reason: error.message, ...error.details }) : "";
    }
  }
}

function block(name: string, data: Readonly<Record<string, unknown>>): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
