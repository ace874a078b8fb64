/** The TCP server in a fake container: greets with its port, gives back what it gets, floods on request, hangs up on `bye`. */
import type { Connection } from "../../src/containers/tunnel.ts";

const CHUNK = 65_536;

export function fakeConnection(port: number, isOpen: boolean, seen: string[]): Connection {
  const output = new IdentityTransformStream();
  const writer = output.writable.getWriter();
  const say = async (text: string) => await writer.write(new TextEncoder().encode(text));
  let isClosed = false;
  const hangUp = () => {
    if (isClosed) return;
    isClosed = true;
    void writer.close().catch(() => undefined);
  };
  const flood = async (bytes: number) => {
    for (let sent = 0; sent < bytes; sent += CHUNK) {
      await writer.write(new Uint8Array(CHUNK));
      seen.push("chunk");
    }
    hangUp();
  };
  const input = new WritableStream<Uint8Array>({
    write: (chunk) => {
      if (isClosed) throw new Error("the connection is closed");
      const text = new TextDecoder().decode(chunk);
      seen.push(text.length > 100 ? `${text.length} bytes` : text);
      const [, bytes] = /^flood (\d+)$/.exec(text) ?? [];
      if (bytes !== undefined) void flood(Number(bytes)).catch(() => undefined);
      else if (text === "bye") void say("bye").then(hangUp, () => undefined);
      else if (text !== "quiet") void writer.write(chunk).catch(() => undefined);
    },
    close: () => {
      seen.push("[end]");
      hangUp();
    },
  });
  if (isOpen) void say(`hello from ${port}\n`).catch(() => undefined);
  else hangUp();
  return {
    readable: output.readable,
    writable: input,
    close: async () => {
      seen.push("[closed]");
      hangUp();
    },
  };
}
