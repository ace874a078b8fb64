/** WebSockets in memory, for runtimes whose `Response` cannot carry one. */
import type { AcceptableSocket } from "../binding.ts";

/** The side of the application: listen to `message` and `close`, `send`, `close`. */
export type TestSocket = AcceptableSocket;

class MemorySocket extends EventTarget implements AcceptableSocket {
  binaryType = "arraybuffer";
  readonly protocol = "";
  peer: MemorySocket | undefined;
  #isAccepted = false;
  #isClosed = false;
  readonly #waiting: Event[] = [];

  accept(): void {
    this.#isAccepted = true;
    for (const event of this.#waiting.splice(0)) this.dispatchEvent(event);
  }

  send(data: string | ArrayBuffer | ArrayBufferView): void {
    if (this.#isClosed) throw new Error("the WebSocket is closed");
    this.peer?.receive(messageEvent(typeof data === "string" ? data : copyOf(data)));
  }

  close(code = 1005, reason = ""): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.peer?.receive(closeEvent(code, reason));
    // The answer to the close frame.
    this.receive(closeEvent(code, reason));
  }

  /** Ends both sides without a close frame. */
  cut(): void {
    for (const side of [this, this.peer]) side?.receive(closeEvent(1006, ""));
  }

  receive(event: Event): void {
    if (event.type === "close") this.#isClosed = true;
    // A later turn, as from a network.
    queueMicrotask(() => (this.#isAccepted ? this.dispatchEvent(event) : this.#waiting.push(event)));
  }
}

function messageEvent(data: string | ArrayBuffer): Event {
  return Object.assign(new Event("message"), { data });
}

function closeEvent(code: number, reason: string): Event {
  return Object.assign(new Event("close"), { code, reason });
}

function copyOf(data: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return bytes.slice().buffer;
}

export interface Upgrade {
  /** What the application returns. */
  readonly response: Response;
  readonly socket: TestSocket;
  /** What a Worker deploy or a dead container does. */
  readonly cut: () => void;
}

/** Answers an upgrade; listen on `socket` before returning the response. */
export function acceptUpgrade(): Upgrade {
  const [client, server] = [new MemorySocket(), new MemorySocket()];
  [client.peer, server.peer] = [server, client];
  server.accept();
  const response = new Response(null);
  // 101 is a status that only the platform can construct.
  Object.defineProperties(response, { status: { value: 101 }, ok: { value: false }, webSocket: { value: client } });
  return { response, socket: server, cut: () => server.cut() };
}
