import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createRawServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { promisify } from "node:util";
import { afterEach, describe, it, vi } from "vitest";
import { bulkFetch, type BulkFetch } from "./fetch.ts";

const BODY = randomBytes(5_000_123);
const open: { close: () => void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serving = async (listener: RequestListener) => `http://${await listening(createServer(listener))}`;

/** Answers every request on a connection with these bytes, and closes it where it is said so. */
async function answering(bytes: string | Uint8Array, isClosed = true): Promise<string> {
  const server = createRawServer((socket) => {
    socket.on("data", () => {
      socket.write(bytes);
      if (isClosed) socket.end();
    });
  });
  return `http://${await listening(server)}`;
}

function client(): BulkFetch {
  const made = bulkFetch();
  open.push(made);
  return made;
}

/** Gives memory back as users do, so that what is used again is seen. */
async function digestOf({ memory }: BulkFetch, response: Response): Promise<{ length: number; sha256: string }> {
  const hash = createHash("sha256");
  let length = 0;
  if (response.body !== null) {
    for await (const piece of response.body) {
      hash.update(piece);
      length += piece.length;
      memory.give(piece);
    }
  }
  return { length, sha256: hash.digest("hex") };
}

const WHOLE = { length: BODY.length, sha256: createHash("sha256").update(BODY).digest("hex") };

describe("a large body", () => {
  it.for([
    ["with a length", { "content-length": String(BODY.length) }],
    ["in chunks", { "transfer-encoding": "chunked" }],
    ["that ends with its connection", { connection: "close" }],
  ] as const)("%s comes whole, again and again", async ([, headers], { expect }) => {
    const origin = await serving((_, response) => {
      response.writeHead(200, headers);
      if ("connection" in headers) response.useChunkedEncodingByDefault = false;
      for (let at = 0; at < BODY.length; at += 70_001) response.write(BODY.subarray(at, at + 70_001));
      response.end();
    });
    const bulk = client();
    for (let round = 0; round < 3; round += 1) {
      expect(await digestOf(bulk, await bulk.fetch(`${origin}/blob`, {}))).toEqual(WHOLE);
    }
  });

  it("comes over TLS, of a server whose certificate is trusted, and of no other", async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "bulk-tls-"));
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    await promisify(execFile)("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", certificate]);
    const cert = await readFile(certificate, "utf8");
    const server = createTlsServer({ key: await readFile(key), cert }, (_, response) => response.end(BODY));
    await rm(folder, { recursive: true });
    const url = `https://localhost:${(await listening(server)).split(":")[1]}/`;
    const bulk = client();
    await expect(bulk.fetch(url, {})).rejects.toThrow(/self-signed/);
    const before = getCACertificates("default");
    try {
      setDefaultCACertificates([...before, cert]);
      for (let round = 0; round < 2; round += 1) {
        expect(await digestOf(bulk, await bulk.fetch(url, {}))).toEqual(WHOLE);
      }
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it("waits for whoever reads it", async ({ expect }) => {
    let sent = 0;
    const origin = await serving((_, response) => {
      response.writeHead(200, { "content-length": String(BODY.length * 20) });
      const more = () => {
        while (sent < BODY.length * 20) {
          sent += BODY.length;
          if (!response.write(BODY)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    const bulk = client();
    const { body } = await bulk.fetch(origin, {});
    const reader = body?.getReader();
    await reader?.read();
    // The kernels' buffers and what is read ahead: far from all of it, however long it takes.
    let before = -1;
    await vi.waitUntil(
      () => {
        const isStill = sent === before;
        before = sent;
        return isStill;
      },
      { interval: 200 },
    );
    expect(sent).toBeLessThan(BODY.length * 10);
    await reader?.cancel();
  });

  it("that breaks off fails, and is never short", async ({ expect }) => {
    const bulk = client();
    for (const head of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
      const origin = await answering(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n40\r\n${"x".repeat(30)}`);
      const response = await bulk.fetch(origin, {});
      await expect(digestOf(bulk, response)).rejects.toThrow(/closed/);
    }
  });

  it("that breaks off is given as far as it came", async ({ expect }) => {
    const bytes = randomBytes(700_000);
    const head = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n");
    const bulk = client();
    const { body } = await bulk.fetch(await answering(Buffer.concat([head, bytes])), {});
    const parts: Uint8Array[] = [];
    const reading = async () => {
      for await (const piece of body ?? []) parts.push(piece);
    };
    await expect(reading()).rejects.toThrow(/closed/);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it("that is not wanted any more closes its connection at once", async ({ expect }) => {
    for (const way of ["cancel", "signal"] as const) {
      let isClosed = false;
      const origin = await serving((request, response) => {
        request.socket.on("close", () => (isClosed = true));
        response.writeHead(200, { "content-length": "1000000" });
        response.write("x");
      });
      const bulk = client();
      const over = new AbortController();
      const response = await bulk.fetch(origin, { signal: over.signal });
      const reader = response.body?.getReader();
      await reader?.read();
      if (way === "cancel") await reader?.cancel();
      else {
        const next = reader?.read();
        over.abort();
        await expect(next).rejects.toThrow(/closed/);
      }
      await vi.waitUntil(() => isClosed);
    }
  });
});

describe("a connection", () => {
  it("is used again after each answer that was read, and only then", async ({ expect }) => {
    const sockets = new Set<unknown>();
    const origin = await serving((request, response) => {
      sockets.add(request.socket);
      if (request.method === "HEAD") response.setHeader("content-length", "77");
      response.statusCode = request.url === "/no" ? 404 : 200;
      response.end(request.method === "HEAD" ? undefined : request.url);
    });
    const bulk = client();
    for (const path of ["/a", "/b?c=d", "/no"]) expect(await (await bulk.fetch(origin + path, {})).text()).toBe(path);
    const head = await bulk.fetch(`${origin}/a`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.body]).toEqual([200, "77", null]);
    expect(sockets.size).toBe(1);
    const unread = await bulk.fetch(`${origin}/a`, {});
    await (await bulk.fetch(`${origin}/a`, {})).text();
    expect(sockets.size).toBe(2);
    await unread.body?.cancel();
  });

  it("is closed when nobody has used it for a while", async ({ expect }) => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const server = createServer((_, response) => response.end("one"));
    server.on("connection", (socket: Socket) => socket.once("close", () => resolve()));
    server.keepAliveTimeout = 0;
    const bulk = bulkFetch(undefined, 10);
    open.push(bulk);
    const response = await bulk.fetch(`http://${await listening(server)}/`, {});
    expect((await digestOf(bulk, response)).length).toBe(3);
    await left;
  });

  it("that the server has closed meanwhile is another one", async ({ expect }) => {
    const origin = await answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const bulk = client();
    for (let round = 0; round < 3; round += 1) expect(await (await bulk.fetch(origin, {})).text()).toBe("ok");
  });

  it("that cannot be made, or says nothing in time, fails", async ({ expect }) => {
    const bulk = client();
    const silent = await answering("", false);
    await expect(bulk.fetch(silent, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    await expect(bulk.fetch("http://127.0.0.1:1/", {})).rejects.toThrow(/ECONNREFUSED/);
    await expect(bulk.fetch(silent, { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});

describe("an answer", () => {
  it.for([
    ["a status that there is not", "HTTP/1.1 600 Hm\r\nContent-Length: 0\r\n\r\n"],
    ["what is no HTTP", "hello\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok"],
    ["more than it says", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay"],
    ["a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["a head without an end", `HTTP/1.1 200 OK\r\nA: ${"x".repeat(70_000)}`],
  ] as const)("with %s is none", async ([, bytes], { expect }) => {
    const bulk = client();
    const origin = await answering(bytes);
    await expect(bulk.fetch(origin, {}).then(async (response) => await digestOf(bulk, response))).rejects.toThrow();
  });

  it("is the one after those that only say to wait", async ({ expect }) => {
    const origin = await answering("HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect(await (await client().fetch(origin, {})).text()).toBe("ok");
  });

  it("of one byte at a time is the same", async ({ expect }) => {
    const text =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: x\r\n\r\n";
    const server = createRawServer((socket) => {
      socket.setNoDelay(true);
      socket.once("data", () => {
        const next = (at: number) => {
          if (at < text.length) socket.write(text[at] ?? "", () => setImmediate(next, at + 1));
        };
        next(0);
      });
    });
    const origin = `http://${await listening(server)}`;
    expect(await (await client().fetch(origin, {})).text()).toBe("abc0123456789");
  });
});
