/** WebSockets on their way through an instance. */
import { describe, it } from "vitest";
import { MAX_BUFFERED_BYTES, relayWebSocket } from "../../src/containers/websocket-relay.ts";
import { createApplication, raw, untilReady } from "./client.ts";
import { webSocketCloses } from "./fake-container.ts";

async function open(): Promise<WebSocket> {
  const { id, name } = await createApplication();
  await untilReady(id, 1);
  const { webSocket } = await raw("GET", `http://${name}.localhost/ws`, undefined, { upgrade: "websocket" });
  if (webSocket === null) throw new Error("no WebSocket");
  webSocket.binaryType = "arraybuffer";
  return webSocket;
}

/** The next `count` messages. */
function messages(socket: WebSocket, count: number): Promise<(string | ArrayBuffer)[]> {
  const { promise, resolve } = Promise.withResolvers<(string | ArrayBuffer)[]>();
  const seen: (string | ArrayBuffer)[] = [];
  socket.addEventListener("message", ({ data }) => {
    seen.push(data as string | ArrayBuffer);
    if (seen.length === count) resolve(seen);
  });
  return promise;
}

/** A container's end of a WebSocket, as far as the relay looks at it. */
class StubSocket extends EventTarget {
  binaryType = "blob";
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  readonly closes: (readonly [number | undefined, string | undefined])[] = [];
  accept(): void {}
  send(data: unknown): void {
    if (this.closes.length > 0) throw new Error("Can't call WebSocket send() after close().");
    this.sent.push(data);
  }
  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
  }
}

function relayed() {
  const container = new StubSocket();
  let ends = 0;
  const client = relayWebSocket(container as unknown as WebSocket, () => {
    ends += 1;
  });
  const { promise: closed, resolve } = Promise.withResolvers<CloseEvent>();
  client.addEventListener("close", resolve);
  client.accept();
  return { container, client, closed, ends: () => ends };
}

describe("a relayed WebSocket", () => {
  it("keeps the order of many messages", async ({ expect }) => {
    const socket = await open();
    const seen = messages(socket, 1_000);
    socket.accept();
    socket.send("count 1000");
    expect(await seen).toEqual(Array.from({ length: 1_000 }, (_, n) => String(n)));
  });

  it.for([0, 1, 125, 65_536, 1_048_576])("keeps a binary message of %i bytes whole", async (size, { expect }) => {
    const socket = await open();
    const seen = messages(socket, 1);
    socket.accept();
    const bytes = Uint8Array.from({ length: size }, (_, n) => n % 251);
    socket.send(bytes);
    const [back] = await seen;
    expect(back).toBeInstanceOf(ArrayBuffer);
    const got = new Uint8Array(back as ArrayBuffer);
    expect(got.length).toBe(size);
    expect(got.every((byte, n) => byte === n % 251)).toBe(true);
  });

  it("keeps text as text, up to 1 MiB", async ({ expect }) => {
    const socket = await open();
    const seen = messages(socket, 2);
    socket.accept();
    const long = "ä".repeat(524_288);
    socket.send("ü");
    socket.send(long);
    expect(await seen).toEqual(["echo ü", `echo ${long}`]);
  });

  it("hands over all that was sent before a close, then the close as it was said", async ({ expect }) => {
    const socket = await open();
    const seen = messages(socket, 20);
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    socket.addEventListener("close", resolve);
    socket.accept();
    socket.send("count 20");
    socket.send("close 4321 enough");
    expect((await seen).at(-1)).toBe("19");
    expect(await promise).toMatchObject({ code: 4_321, reason: "enough" });
  });

  it("tells the application how the client closed it", async ({ expect }) => {
    const socket = await open();
    socket.accept();
    const seen = messages(socket, 1);
    socket.send("x");
    await seen;
    const { promise, resolve } = Promise.withResolvers<CloseEvent>();
    socket.addEventListener("close", resolve);
    socket.close(3_456, "mine");
    await promise;
    expect(webSocketCloses).toContain("3456 mine");
  });

  it("whose container is gone without a word is closed as a failure, and has ended once", async ({ expect }) => {
    const { container, closed, ends } = relayed();
    container.dispatchEvent(new CloseEvent("close", { code: 1_006, reason: "", wasClean: false }));
    expect(await closed).toMatchObject({ code: 1_011 });
    expect(ends()).toBe(1);
  });

  it("that fails is closed on both sides, and has ended once", async ({ expect }) => {
    const { container, closed, ends } = relayed();
    container.dispatchEvent(new Event("error"));
    container.dispatchEvent(new CloseEvent("close", { code: 1_006, wasClean: false }));
    expect(await closed).toMatchObject({ code: 1_011 });
    expect(container.closes[0]?.[0]).toBe(1_011);
    expect(ends()).toBe(1);
  });

  it("that was closed without a code is closed without one", async ({ expect }) => {
    const { container, closed } = relayed();
    container.dispatchEvent(new CloseEvent("close", { code: 1_005, wasClean: true }));
    expect((await closed).code).toBe(1_005);
  });

  it("whose reader falls behind too far is closed on both sides", async ({ expect }) => {
    const { container, client, closed, ends } = relayed();
    container.bufferedAmount = MAX_BUFFERED_BYTES + 1;
    client.send("one too many");
    expect(await closed).toMatchObject({ code: 1_013 });
    expect(container.closes).toEqual([[1_013, "the other side reads too slowly"]]);
    expect(ends()).toBe(1);
  });
});
