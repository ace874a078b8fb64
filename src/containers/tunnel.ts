/**
 * Bytes between a WebSocket and a TCP connection into a container. Order is kept, nothing is added, and either side's end
 * is the other's, after everything that came before it was handed over: a WebSocket cannot be closed by halves.
 *
 * A WebSocket has no way to stop its sender, and here also none to ask what it has not sent yet. So it is SSH itself that
 * bounds what may be under way, by its windows (2 MiB for each of OpenSSH's channels). Towards the container, where it can
 * be counted, more than a bound ends the tunnel.
 */
import { sleep } from "../sleep.ts";

export interface Connection {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  close(): Promise<void>;
}

/** So much may wait for a container that reads slowly. */
const MAX_BACKLOG_BYTES = 16 * 1_048_576;
/** How long what a client sent before it left may take to be handed over. */
const FLUSH_MS = 5_000;

/** WebSocket close codes. */
const CLOSE = { normal: 1000, unsupported: 1003, failed: 1011, tooMuch: 1013 } as const;

/** The socket is accepted here. `onEnd` is called once. */
export function serveTunnel(connection: Connection, socket: WebSocket, onEnd: () => void): void {
  const writer = connection.writable.getWriter();
  let isOver = false;
  let backlog = 0;
  /** Frames are handed over in the order in which they came. */
  let turn = Promise.resolve();

  const end = (code: number, reason: string) => {
    if (isOver) return;
    isOver = true;
    try {
      socket.close(code, reason);
    } catch {
      // It has gone.
    }
    connection.close().catch(() => undefined);
    onEnd();
  };
  const lost = () => end(CLOSE.failed, "the container's connection has broken");

  socket.binaryType = "arraybuffer";
  socket.accept({ allowHalfOpen: false });
  socket.addEventListener("message", ({ data }) => {
    if (isOver) return;
    if (typeof data === "string") {
      end(CLOSE.unsupported, "a tunnel carries binary frames only");
      return;
    }
    // Never a Blob, since none was asked for.
    const bytes = new Uint8Array(data as ArrayBuffer);
    backlog += bytes.byteLength;
    if (backlog > MAX_BACKLOG_BYTES) {
      end(CLOSE.tooMuch, "the container reads too slowly");
      return;
    }
    turn = turn
      .then(() => writer.write(bytes))
      .then(() => void (backlog -= bytes.byteLength))
      .catch(lost);
  });
  const gone = () => {
    const flushed = turn.then(() => writer.close()).catch(() => undefined);
    void Promise.race([flushed, sleep(FLUSH_MS)]).then(() => end(CLOSE.normal, "the client has gone"));
  };
  socket.addEventListener("close", gone);
  socket.addEventListener("error", gone);

  const read = async () => {
    for await (const chunk of connection.readable) {
      if (isOver) return;
      socket.send(chunk);
    }
    end(CLOSE.normal, "the container has closed the connection");
  };
  read().catch(lost);
}
