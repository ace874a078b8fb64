import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, it } from "vitest";
import { startSocketProxy, type SocketProxy } from "./socket-proxy.ts";

let folder: string;
let engine: Server;
let proxy: SocketProxy;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-proxy-"));
  engine = createServer((incoming, answer) => {
    if (incoming.url === "/slow") {
      answer.writeHead(200).write("first");
      incoming.resume().on("end", () => answer.end("last"));
      return;
    }
    answer.setHeader("x-length", incoming.headers["content-length"] ?? "none");
    void text(incoming).then((body) => answer.end(`${incoming.method} ${incoming.url} ${body}`));
  });
  engine.on("upgrade", (_incoming, socket, first) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    // Answers only when the client's half has ended, as `docker exec -i` with a program that reads to the end.
    let seen = first.toString();
    socket.on("data", (bytes: Buffer) => (seen += bytes.toString()));
    socket.on("end", () => socket.end(`seen ${seen}`));
  });
  await new Promise<void>((resolve) => engine.listen(join(folder, "engine.sock"), resolve));
  proxy = await startSocketProxy({
    upstream: join(folder, "engine.sock"),
    socketPath: join(folder, "proxy.sock"),
    session: "s1",
    labels: { "dev.gantry.project": "p1" },
  });
});

afterEach(async () => {
  await proxy.close();
  engine.closeAllConnections();
  await new Promise((resolve) => engine.close(resolve));
  await rm(folder, { recursive: true });
});

async function call(method: string, path: string, body?: string): Promise<IncomingMessage> {
  const outgoing = request({ socketPath: proxy.socketPath, method, path }).end(body);
  const [answer] = await once(outgoing, "response");
  return answer;
}

describe("the socket proxy", () => {
  it("labels what is created with its session", async ({ expect }) => {
    const answer = await call("POST", "/containers/create", '{"Image":"a"}');
    const body = (await text(answer)).replace("POST /containers/create ", "");
    expect(JSON.parse(body)).toEqual({
      Image: "a",
      Labels: { "dev.gantry.session": "s1", "dev.gantry.project": "p1" },
      HostConfig: { RestartPolicy: { Name: "no" } },
    });
    expect(answer.headers["x-length"]).toBe(String(body.length));
  });

  it("passes other requests and HEAD on", async ({ expect }) => {
    expect(await text(await call("GET", "/version"))).toBe("GET /version ");
    const head = await call("HEAD", "/_ping");
    expect(head.statusCode).toBe(200);
    expect(await text(head)).toBe("");
  });

  it("streams both ways without waiting for an end", async ({ expect }) => {
    const outgoing = request({ socketPath: proxy.socketPath, method: "POST", path: "/slow" });
    outgoing.write("part");
    const [answer] = await once(outgoing, "response");
    const [first] = await once(answer, "data");
    expect(String(first)).toBe("first");
    outgoing.end();
    expect(await text(answer)).toBe("last");
  });

  it("passes an upgrade and the end of one half of it", async ({ expect }) => {
    const socket = connect({ path: proxy.socketPath, allowHalfOpen: true });
    socket.end("POST /exec/1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 101 .*seen hello$/s);
  });

  it("says so when the engine is gone", async ({ expect }) => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
    const answer = await call("GET", "/version");
    expect(answer.statusCode).toBe(502);
    expect(await text(answer)).toContain("cannot reach the engine");
  });

  it("answers 400 to what is not HTTP", async ({ expect }) => {
    const socket = connect(proxy.socketPath);
    socket.write("garbage\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("drops open connections and its socket when closed", async ({ expect }) => {
    const outgoing = request({ socketPath: proxy.socketPath, method: "POST", path: "/slow" });
    outgoing.write("part");
    await once(outgoing, "response");
    await proxy.close();
    await expect(once(connect(proxy.socketPath), "connect")).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });

  it("refuses a path that the system would cut off", async ({ expect }) => {
    const socketPath = join(folder, "x".repeat(120));
    await expect(startSocketProxy({ upstream: "u", socketPath, session: "s" })).rejects.toThrow(/too long/);
  });
});
