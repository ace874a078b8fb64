/**
 * An echo over WebSocket (RFC 6455) for the server, as Node has a client only. Text and binary messages come back
 * frame by frame; pings are answered; anything that needs an extension is refused by closing.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

export function acceptWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = `${request.headers["sec-websocket-key"] ?? ""}${MAGIC}`;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}\r\n\r\n`,
  );
  let rest: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (let size = echoFrame(rest, socket); size > 0; size = echoFrame(rest, socket)) rest = rest.subarray(size);
  });
}

/** Answers the first whole frame and returns its size, 0 where none is whole yet. */
function echoFrame(bytes: Buffer, socket: Duplex): number {
  if (bytes.length < 6) return 0;
  const first = bytes.readUInt8(0);
  let length = bytes.readUInt8(1) & 127;
  let at = 2;
  if (length === 126) {
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return 0;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (length > MAX_FRAME_BYTES) {
    socket.destroy();
    return 0;
  }
  const end = at + 4 + length;
  if (bytes.length < end) return 0;
  const mask = bytes.subarray(at, at + 4);
  const content = bytes.subarray(at + 4, end).map((byte, index) => byte ^ (mask[index & 3] ?? 0));
  const kind = first & 15;
  // A close is answered with its own code and then ends; a pong is an answer itself.
  if (kind !== PONG) {
    const opcode = kind === PING ? (first & 240) | PONG : first;
    socket.write(
      Buffer.concat([
        Buffer.from([opcode]),
        bytes.subarray(1, at).map((byte, i) => (i === 0 ? byte & 127 : byte)),
        content,
      ]),
    );
  }
  if (kind === CLOSE) socket.end();
  return end;
}
