/**
 * A WebSocket of a container whose end says what it was: `closed` and the messages end well when either side closed it,
 * and fail with a typed error when it was cut (a Worker deploy, a dead container, a lost network).
 */
import { socketOf, type AcceptableSocket } from "../binding.ts";
import { deferred } from "../deferred.ts";
import { GantryError } from "../errors.ts";
import { Queue } from "./queue.ts";

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

export type SocketMessage = string | ArrayBuffer;

/** Messages are iterated once; iterating is not needed to send or to await `closed`. */
export interface ContainerSocket extends AsyncIterable<SocketMessage> {
  readonly protocol: string;
  /** The instance at the other end. */
  readonly instance: string | null;
  send(message: string | ArrayBuffer | ArrayBufferView): void;
  close(code?: number, reason?: string): void;
  /** Rejects with `CONNECTION_LOST` when nobody closed it. */
  readonly closed: Promise<SocketClose>;
}

/** No close frame came, or the one of a server that restarts. */
const CUT_CODES: ReadonlySet<number> = new Set([1006, 1012]);
/** What Gantry's relay says when the container is gone. */
const CONTAINER_GONE = { code: 1011, reason: "the container's connection ended" } as const;

export function isCut({ code, reason }: SocketClose): boolean {
  return CUT_CODES.has(code) || (code === CONTAINER_GONE.code && reason === CONTAINER_GONE.reason);
}

export function containerSocket(response: Response, instance: string | null): ContainerSocket {
  const socket = socketOf(response);
  if (socket === undefined) {
    void response.body?.cancel().catch(() => undefined);
    const message = `the application answered the upgrade with status ${response.status} and no WebSocket`;
    throw new GantryError("NOT_A_WEBSOCKET", message, { status: response.status, instance });
  }
  return wrapSocket(socket, instance);
}

export function wrapSocket(socket: AcceptableSocket, instance: string | null): ContainerSocket {
  const { promise: closed, resolve, reject } = deferred<SocketClose>();
  const messages = new Queue<SocketMessage>();
  const cut = (why: string) => {
    const error = new GantryError("CONNECTION_LOST", `the WebSocket was cut: ${why}`, { instance });
    reject(error);
    messages.end(error);
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => {
    messages.push((event as MessageEvent).data as SocketMessage);
  });
  socket.addEventListener("close", (event) => {
    const { code, reason } = event as CloseEvent;
    if (isCut({ code, reason })) return cut(reason === "" ? `code ${code}` : reason);
    resolve({ code, reason });
    messages.end();
  });
  socket.addEventListener("error", () => cut("the connection failed"));
  // Who only sends never looks at it.
  closed.catch(() => undefined);
  socket.accept?.();

  return {
    protocol: socket.protocol ?? "",
    instance,
    closed,
    send: (message) => socket.send(message),
    close: (code, reason) => socket.close(code, reason),
    [Symbol.asyncIterator]: () => messages[Symbol.asyncIterator](),
  };
}
