/** The outside, for tests of egress in workerd: an HTTP server on loopback, for as long as the tests run. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** `http://127.0.0.1:<port>`. */
    outside: string;
  }
}

const PAGE = Buffer.from("a page, which is of some length\n".repeat(1_000));
const ZIPPED = gzipSync(PAGE);

const uploads = new Map<string, { bytes: number; state: string }>();

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;

/** Answers that are held until somebody lets them go. */
const held = new Map<string, () => void>();

const HANDLERS: Readonly<Record<string, Handler>> = {
  /** What was asked, as it came over the wire. */
  "/echo": async (request, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of request) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    const { method, url, rawHeaders } = request;
    const body = JSON.stringify({ method, url, rawHeaders, bytes, sha256: hash.digest("hex") });
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  },
  /** What has become of it, `/uploaded` says. */
  "/upload": (request, response, url) => {
    const upload = { bytes: 0, state: "open" };
    uploads.set(url.search, upload);
    request.on("data", (chunk: Buffer) => (upload.bytes += chunk.length));
    request.on("error", () => (upload.state = "broken"));
    request.on("end", () => {
      upload.state = "whole";
      response.end();
    });
  },
  "/uploaded": (_, response, url) => void response.end(JSON.stringify(uploads.get(url.search) ?? null)),
  "/zeros": (_, response, url) => {
    const bytes = Number(url.searchParams.get("bytes"));
    if (!url.searchParams.has("chunked")) response.setHeader("content-length", bytes);
    response.writeHead(200);
    const chunk = Buffer.alloc(65_536);
    let left = bytes;
    const write = (): void => {
      while (left > 0) {
        const size = Math.min(left, chunk.length);
        left -= size;
        if (!response.write(chunk.subarray(0, size))) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  },
  /** Compressed whatever was asked for, with ranges of what is sent. */
  "/zipped": (request, response) => {
    const headers = {
      "content-encoding": "gzip",
      "content-type": "text/plain",
      etag: '"zipped"',
      "accept-ranges": "bytes",
    };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (from === undefined || to === undefined) {
      response.writeHead(200, { ...headers, "content-length": ZIPPED.length }).end(ZIPPED);
      return;
    }
    const part = ZIPPED.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${to}/${ZIPPED.length}`;
    response.writeHead(206, { ...headers, "content-range": range, "content-length": part.length }).end(part);
  },
  "/not-modified": (_, response) => void response.writeHead(304, { etag: '"zipped"', "content-length": "77" }).end(),
  "/redirect": (_, response) => void response.writeHead(302, { location: "http://elsewhere.test/?a=1" }).end("gone\n"),
  "/teapot": (_, response) => {
    const cookies = ["set-cookie", "a=1", "set-cookie", "b=2"];
    const others = ["gantry-error", "EGRESS_DENIED", "connection", "x-hop", "x-hop", "1"];
    response.writeHead(418, "I am a teapot", [...cookies, ...others]);
    response.end("short and stout");
  },
  "/reflect": (request, response) => {
    const { authorization = "" } = request.headers;
    response.setHeader("x-you-said", authorization);
    response.setHeader("location", `/next?token=${encodeURIComponent(authorization.replace("Bearer ", ""))}`);
    response.setHeader("x-other", "kept");
    response.end("ok");
  },
  "/status": (_, response, url) => void response.writeHead(Number(url.searchParams.get("code"))).end("odd"),
  /** Half of what it has promised. */
  "/short": (_, response) => {
    response.writeHead(200, { "content-length": PAGE.length });
    response.write(PAGE.subarray(0, PAGE.length / 2), () => response.socket?.destroy());
  },
  "/torn": (_, response) => {
    response.writeHead(200);
    response.write(PAGE, () => response.socket?.destroy());
  },
  "/hang-up": (request) => void request.socket.destroy(),
  /** The first line at once, the second when `/let-go` is called. */
  "/held": (_, response, url) => {
    response.writeHead(200);
    response.write("first\n");
    held.set(url.search, () => response.end("second\n"));
  },
  "/let-go": (_, response, url) => {
    held.get(url.search)?.();
    held.delete(url.search);
    response.end();
  },
};

export default async function setup(project: TestProject): Promise<() => void> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://outside");
    void answer(HANDLERS[url.pathname] ?? notFound, request, response, url);
  });
  server.on("upgrade", upgrade);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  project.provide("outside", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

async function answer(handler: Handler, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  try {
    await handler(request, response, url);
  } catch {
    // The request was cut off.
    response.destroy();
  }
}

function notFound(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404).end();
}

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A WebSocket that says `hello` with the credential that it was opened with, and ends. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`).digest("base64");
  const lines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
  const text = Buffer.from(`hello ${request.headers.authorization}`);
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
  socket.end(Buffer.from([0x88, 2, 0x03, 0xe8]));
}
