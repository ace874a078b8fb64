/**
 * A WebSocket of a container, passed on so that its end is seen: one that is open is a request under way, which a drain
 * waits for. Messages keep their order, kind and bounds; a close keeps its code and reason.
 *
 * The API has no way to stop a sender, so what a slow reader has not taken yet piles up here. Beyond a bound both sides
 * are closed: an object has 128 MB for everything.
 */

export const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

/** Close codes that say that there was none, and so cannot be sent. */
const NO_STATUS = 1005;
const ABNORMAL = 1006;

const TOO_SLOW = { code: 1013, reason: "the other side reads too slowly" } as const;

/** The end for the client. `onEnd` is called once, when either side has closed or is gone. */
export function relayWebSocket(container: WebSocket, onEnd: () => void): WebSocket {
  const { 0: client, 1: server } = new WebSocketPair();
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    onEnd();
  };
  const closeBoth = (code: number, reason: string) => {
    close(container, code, reason);
    close(server, code, reason);
    end();
  };
  const pass = (from: WebSocket, to: WebSocket, gone: { readonly code: number; readonly reason: string }) => {
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) => {
      if (isOver) return;
      try {
        // Never a Blob, since none was asked for.
        to.send(data as string | ArrayBuffer);
      } catch {
        // Its close is told on its own.
        return;
      }
      if (to.bufferedAmount > MAX_BUFFERED_BYTES) closeBoth(TOO_SLOW.code, TOO_SLOW.reason);
    });
    from.addEventListener("close", ({ code, reason }) => {
      if (code === ABNORMAL) close(to, gone.code, gone.reason);
      else close(to, code, reason);
      end();
    });
    from.addEventListener("error", () => closeBoth(gone.code, gone.reason));
  };
  pass(container, server, { code: 1011, reason: "the container's connection ended" });
  pass(server, container, { code: 1001, reason: "the client is gone" });
  container.accept({ allowHalfOpen: false });
  server.accept({ allowHalfOpen: false });
  return client;
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    if (code === NO_STATUS) socket.close();
    else socket.close(code, reason);
  } catch {
    // Closed already.
  }
}
