import { describe, it } from "vitest";
import { SocketFeed } from "./event-feed.ts";

/** As much of a WebSocket as a feed uses, driven by the test. */
class FakeSocket extends EventTarget {
  readonly sent: string[] = [];
  isClosed = false;
  accept(): void {}
  send(text: string): void {
    if (this.isClosed) throw new Error("closed");
    this.sent.push(text);
  }
  close(): void {
    this.isClosed = true;
  }
  receive(data: string): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  cut(): void {
    this.dispatchEvent(new Event("close"));
  }
}

function feedOf(socket: FakeSocket): SocketFeed {
  const asWebSocket: unknown = socket;
  return new SocketFeed(asWebSocket as WebSocket);
}

const event = (id: number) => JSON.stringify({ id: String(id), name: "Tested" });

describe("a feed", () => {
  it("gives what came in one batch, each thing once", async ({ expect }) => {
    const socket = new FakeSocket();
    const feed = feedOf(socket);
    for (const text of ['{"cursor":"1"}', event(2), '{"cursor":"9","end":"deleted"}']) socket.receive(text);
    expect(await feed.next(1_000)).toEqual([
      { kind: "cursor", cursor: "1" },
      { kind: "event", id: "2", name: "Tested", json: event(2) },
      { kind: "end", reason: "deleted" },
    ]);
    expect(await feed.next(1)).toEqual([]);
  });

  it("wakes a reader that waits", async ({ expect }) => {
    const socket = new FakeSocket();
    const next = feedOf(socket).next(60_000);
    socket.receive(event(1));
    expect(await next).toHaveLength(1);
  });

  it("gives what came before its connection was cut, then says so", async ({ expect }) => {
    const socket = new FakeSocket();
    const feed = feedOf(socket);
    socket.receive(event(1));
    socket.cut();
    expect(await feed.next(60_000)).toHaveLength(1);
    expect(await feed.next(60_000)).toBeNull();
  });

  it("asks a silent connection for a sign of life, and gives it up without one", async ({ expect }) => {
    const socket = new FakeSocket();
    const feed = feedOf(socket);
    expect(await feed.next(1)).toEqual([]);
    expect(socket.sent).toEqual(["ping"]);
    socket.receive("pong");
    expect(await feed.next(1)).toEqual([]);
    expect(socket.sent).toEqual(["ping", "ping"]);
    expect(await feed.next(1)).toBeNull();
    expect(socket.isClosed).toBe(true);
  });

  it("of a reader that does not read is cut before it fills the memory, and loses nothing of what it has", async ({
    expect,
  }) => {
    const socket = new FakeSocket();
    const feed = feedOf(socket);
    for (let id = 1; id <= 5_000; id += 1) socket.receive(event(id));
    expect(socket.isClosed).toBe(true);
    const items = (await feed.next(1)) ?? [];
    expect(items).toHaveLength(2_000);
    expect(items.map((item) => (item.kind === "event" ? Number(item.id) : 0))).toEqual(
      items.map((_, index) => index + 1),
    );
    expect(await feed.next(1)).toBeNull();
  });
});
