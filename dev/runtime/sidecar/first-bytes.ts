/**
 * Reads a connection only until a parser can tell what it is, and leaves every byte in place for whoever takes over.
 */
import type { Socket } from "node:net";

/** A peer that waits for the server to speak first is not kept waiting for ever. */
const PATIENCE_MS = 3000;

export function readFirstBytes<T extends { readonly kind: string }>(
  socket: Socket,
  parse: (bytes: Buffer) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (result: T) => {
      detach();
      socket.pause();
      if (bytes.length > 0) socket.unshift(bytes);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const result = parse(bytes);
      if (result.kind !== "incomplete") settle(result);
    };
    const onEnd = () => settle(parse(bytes));
    const onClose = () => {
      detach();
      reject(new Error("closed before it said anything"));
    };
    const timer = setTimeout(onEnd, PATIENCE_MS);
    const detach = () => {
      clearTimeout(timer);
      socket.off("data", onData).off("end", onEnd).off("close", onClose);
    };
    socket.on("data", onData).once("end", onEnd).once("close", onClose);
  });
}
