/** The outside, on loopback: answers little, takes in and gives out as many bytes as is wanted. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface Upstream {
  readonly origin: string;
  /** With how many of its requests the header came. */
  readonly counted: () => number;
  close(): void;
}

const SMALL = JSON.stringify({ status: "fine", items: [1, 2, 3] });
const CHUNK = Buffer.alloc(65_536, "gantry ");

/** `header`: lower case; which requests are counted. */
export async function startUpstream(header = "host"): Promise<Upstream> {
  let counted = 0;
  const server = createServer((request, response) => {
    if (request.headers[header] !== undefined) counted += 1;
    respond(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${port}`, counted: () => counted, close };
}

/** `POST` counts bytes; `?bytes=` gives so many. */
async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "POST") {
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    response.end(JSON.stringify({ bytes }));
    return;
  }
  request.resume();
  const wanted = new URL(request.url ?? "/", "http://upstream").searchParams.get("bytes");
  if (wanted === null) {
    response.setHeader("content-length", SMALL.length);
    response.end(SMALL);
    return;
  }
  await pipeline(Readable.from(chunksOf(Number(wanted))), response);
}

function* chunksOf(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
}
