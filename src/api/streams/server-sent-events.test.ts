import { describe, it, vi } from "vitest";
import { GantryError } from "../../errors.ts";
import type { Feed, FeedItem } from "./event-feed.ts";
import { serverSentEvents } from "./server-sent-events.ts";

const LIMITS = { maxMs: 600_000, keepAliveMs: 15_000, retryMs: 2_000 };
const event = (id: number): FeedItem => ({ kind: "event", id: String(id), name: "Tested", json: `{"id":"${id}"}` });
const blockOf = (id: number) => `id: ${id}\nevent: Tested\ndata: {"id":"${id}"}\n\n`;
const HEAD = "retry: 2000\nid: 0\n\n";

/** Gives its batches one after the other, then what `next` returns on a connection that is gone. */
class ScriptedFeed implements Feed {
  readonly #batches: (readonly FeedItem[])[];
  isClosed = false;
  asked = 0;
  constructor(...batches: (readonly FeedItem[])[]) {
    this.#batches = batches;
  }
  async next(): Promise<readonly FeedItem[] | null> {
    this.asked += 1;
    return this.#batches.shift() ?? null;
  }
  close(): void {
    this.isClosed = true;
  }
}

const gone = (cursor: string): Promise<Feed> => Promise.reject(new Error(`cut at ${cursor}`));

describe("a stream of server-sent events", () => {
  it("begins with when to come again and where it stands", async ({ expect }) => {
    const response = serverSentEvents(new ScriptedFeed([event(1), event(2)]), "0", gone, LIMITS);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(await response.text()).toBe(`${HEAD}${blockOf(1)}${blockOf(2)}`);
  });

  it("goes on at its cursor when the connection to the application is cut", async ({ expect }) => {
    const asked: string[] = [];
    const feeds = [new ScriptedFeed([{ kind: "cursor", cursor: "2" }], [event(3)]), new ScriptedFeed([event(4)])];
    const reopen = async (cursor: string): Promise<Feed> => {
      asked.push(cursor);
      return feeds.shift() ?? (await gone(cursor));
    };
    const response = serverSentEvents(new ScriptedFeed([event(1), event(2)]), "0", reopen, LIMITS);
    expect(await response.text()).toBe(`${HEAD}${[1, 2, 3, 4].map(blockOf).join("")}`);
    expect(asked).toEqual(["2", "3", "4"]);
  });

  it("does not go round and round when a new connection is cut at once", async ({ expect }) => {
    let opened = 0;
    const reopen = async (): Promise<Feed> => {
      opened += 1;
      return new ScriptedFeed([{ kind: "cursor", cursor: "0" }]);
    };
    expect(await serverSentEvents(new ScriptedFeed(), "0", reopen, LIMITS).text()).toBe(HEAD);
    expect(opened).toBe(1);
  });

  it("keeps a quiet connection alive, and tells a cursor that moved without events", async ({ expect }) => {
    const feed = new ScriptedFeed([], [{ kind: "cursor", cursor: "1000" }], []);
    const text = await serverSentEvents(feed, "0", gone, LIMITS).text();
    expect(text).toBe(`${HEAD}: keep-alive\n\nid: 1000\n\n: keep-alive\n\n`);
  });

  it("ends with the application", async ({ expect }) => {
    const feed = new ScriptedFeed([event(1), { kind: "end", reason: "deleted" }], [event(9)]);
    const text = await serverSentEvents(feed, "0", gone, LIMITS).text();
    expect(text).toBe(`${HEAD}${blockOf(1)}event: StreamEnded\ndata: {"reason":"deleted"}\n\n`);
    expect(feed.isClosed).toBe(true);
  });

  it.for([
    [new GantryError("APPLICATION_NOT_FOUND", "gone"), 'event: StreamEnded\ndata: {"reason":"deleted"}\n\n'],
    [
      new GantryError("CURSOR_EXPIRED", "too old", { oldest: "7" }),
      'event: CursorExpired\ndata: {"reason":"too old","oldest":"7"}\n\n',
    ],
  ] as const)("says why it cannot go on: %o", async ([error, last], { expect }) => {
    const response = serverSentEvents(new ScriptedFeed([event(1)]), "0", () => Promise.reject(error), LIMITS);
    expect(await response.text()).toBe(`${HEAD}${blockOf(1)}${last}`);
  });

  it("ends after its time, so that clients come again", async ({ expect }) => {
    vi.useFakeTimers({ now: 0 });
    try {
      const feed: Feed = {
        next: async (timeoutMs) => {
          vi.setSystemTime(Date.now() + timeoutMs);
          return [];
        },
        close: () => undefined,
      };
      const text = await serverSentEvents(feed, "0", gone, { ...LIMITS, maxMs: 40_000 }).text();
      expect(text).toBe(`${HEAD}${": keep-alive\n\n".repeat(3)}: come again\n\n`);
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not connect again for a client that went away while it waited", async ({ expect }) => {
    const { promise, resolve } = Promise.withResolvers<null>();
    const feed: Feed = { next: () => promise, close: () => resolve(null) };
    let opened = 0;
    const reopen = async (): Promise<Feed> => {
      opened += 1;
      return feed;
    };
    const reader = serverSentEvents(feed, "0", reopen, LIMITS).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await promise;
    await Promise.resolve();
    expect(opened).toBe(0);
  });

  it("asks for no more than its client reads, and lets go of the application with it", async ({ expect }) => {
    const feed = new ScriptedFeed(...Array.from({ length: 100 }, (_, index) => [event(index + 1)]));
    const reader = serverSentEvents(feed, "0", gone, LIMITS).body?.getReader();
    for (let read = 0; read < 3; read += 1) await reader?.read();
    expect(feed.asked).toBeLessThanOrEqual(4);
    await reader?.cancel();
    expect(feed.isClosed).toBe(true);
  });
});
