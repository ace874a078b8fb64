/**
 * Long streams and busy WebSockets through ingress, on real containers: whole, in flat memory, and counted for as long as
 * they are open. `STREAM_MIB=2048 WEBSOCKET_ROUNDS=10` is the long run.
 */
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { ControlPlane, eventually, workloads } from "./control-plane.ts";
import { growthDuring, workerdMemory, type Growth } from "./memory.ts";

const MIB = 1_048_576;
const STREAM_MIB = Number(process.env["STREAM_MIB"] ?? 256);
/** Far below what is streamed; above what a runtime's heap breathes. */
const MOST_GROWTH_MIB = 96;
const MESSAGES = 10_000;
const WEBSOCKET_ROUNDS = Number(process.env["WEBSOCKET_ROUNDS"] ?? 1);

const plane = new ControlPlane();
beforeAll(() => plane.start());
afterAll(() => plane.stop());
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") plane.debug();
  for (const { id } of (await plane.call("GET", "/applications")).result)
    await plane.call("DELETE", `/applications/${id}`);
});

async function start(name: string): Promise<void> {
  const id = await plane.create(name, { instances: 1, configuration: { image: "behaves" } });
  await plane.untilReady(id, 1);
}

/** Sends so much, or nothing, to a path of an application, and counts what comes back. */
async function exchange(name: string, path: string, mib: number): Promise<{ bytes: number; text: string }> {
  const { hostname, port } = new URL(plane.origin);
  const call = request({
    host: hostname,
    port,
    path,
    method: mib > 0 ? "POST" : "GET",
    headers: { host: `${name}.localhost:${port}` },
  });
  const answering = new Promise<{ bytes: number; text: string }>((resolve, reject) => {
    call.once("error", reject);
    call.once("response", (response) => {
      let bytes = 0;
      let text = "";
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes < 1_000) text += chunk.toString();
      });
      response.once("error", reject);
      response.once("end", () => resolve({ bytes, text }));
    });
  });
  const chunk = Buffer.alloc(MIB / 4, "gantry ");
  for (let sent = 0; sent < mib * 4; sent += 1) if (!call.write(chunk)) await once(call, "drain");
  call.end();
  return await answering;
}

const containerMemory = (name: string) => async () =>
  (JSON.parse((await plane.ingress(name, "/memory")).body) as { rss: number }).rss;

function tell(what: string, { before, most, samples }: Growth): number {
  const grown = (most - before) / MIB;
  const [from, to] = [before, most].map((bytes) => Math.round(bytes / MIB));
  console.log(`${what}: ${from} → at most ${to} MiB, ${samples} samples`);
  return grown;
}

describe("a long stream", () => {
  it.for(["/download", "/upload"] as const)("passes whole and in flat memory: %s", async (path, { expect }) => {
    const name = path.slice(1);
    await start(name);
    const isUpload = path === "/upload";
    const pass = async (mib: number) => {
      const query = isUpload ? "" : `?bytes=${mib * MIB}`;
      const { bytes, text } = await exchange(name, `${path}${query}`, isUpload ? mib : 0);
      expect(isUpload ? JSON.parse(text) : { bytes }).toEqual({ bytes: mib * MIB });
    };
    // For the buffers that everything takes once.
    await pass(32);
    let inside: Growth | undefined;
    const outside = await growthDuring(workerdMemory, async () => {
      inside = await growthDuring(containerMemory(name), () => pass(STREAM_MIB));
    });
    if (inside === undefined) throw new Error("nothing was measured");
    expect(tell(`${path} of ${STREAM_MIB} MiB, workerd`, outside)).toBeLessThan(MOST_GROWTH_MIB);
    expect(tell(`${path} of ${STREAM_MIB} MiB, container`, inside)).toBeLessThan(MOST_GROWTH_MIB);
  });

  it("whose reader stops for a while waits for it, and is not piled up", async ({ expect }) => {
    await start("slow");
    const { hostname, port } = new URL(plane.origin);
    const path = `/download?bytes=${STREAM_MIB * MIB}`;
    const call = request({ host: hostname, port, path, headers: { host: `slow.localhost:${port}` } });
    call.end();
    const [response] = (await once(call, "response")) as [import("node:http").IncomingMessage];
    await once(response, "readable");
    const { before, most, samples } = await growthDuring(workerdMemory, async () => {
      // What could come meanwhile is many times what may pile up.
      await sleep(1_000);
    });
    expect(samples).toBeGreaterThan(5);
    expect((most - before) / MIB).toBeLessThan(MOST_GROWTH_MIB);
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(STREAM_MIB * MIB);
  });
});

async function echoed(socket: WebSocket, messages: readonly string[]): Promise<string[]> {
  const got: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  const closed = () => reject(new Error(`closed after ${got.length} messages`));
  const take = ({ data }: MessageEvent) => {
    got.push(data as string);
    if (got.length === messages.length) resolve(got);
  };
  socket.addEventListener("message", take);
  socket.addEventListener("close", closed);
  for (const message of messages) socket.send(message);
  return await promise.finally(() => {
    socket.removeEventListener("message", take);
    socket.removeEventListener("close", closed);
  });
}

describe("a WebSocket", () => {
  it("echoes ten thousand messages in their order and in flat memory", async ({ expect }) => {
    const id = await plane.create("echo", { instances: 1, configuration: { image: "hello-world" } });
    await plane.untilReady(id, 1);
    const socket = new WebSocket(`${plane.origin.replace("http", "ws")}/a/echo/ws`);
    await once(socket, "open");
    const sent = Array.from({ length: MESSAGES }, (_, index) => `${index} ${"x".repeat(1_000)}`);
    // The first time everything takes the memory that it goes on with.
    expect(await echoed(socket, sent)).toEqual(sent);
    const growth = await growthDuring(workerdMemory, async () => {
      for (let round = 0; round < WEBSOCKET_ROUNDS; round += 1) expect(await echoed(socket, sent)).toEqual(sent);
    });
    socket.close();
    expect(tell(`${WEBSOCKET_ROUNDS} × ${MESSAGES} messages, workerd`, growth)).toBeLessThan(MOST_GROWTH_MIB);
  });
});

describe("an instance that is called by name", () => {
  it("sleeps so long after the last of its streams and WebSockets has closed", async ({ expect }) => {
    const sleepAfterMs = 1_000;
    await plane.create("sleepy", {
      instances: 0,
      named_instances: 1,
      configuration: { image: "hello-world", sleep_after: `${sleepAfterMs / 1_000}s`, stop_grace: "1s" },
    });
    const base = `/a/sleepy/@alice`;
    expect((await plane.fetch(`${base}/json`)).status).toBe(200);
    const socket = new WebSocket(`${plane.origin.replace("http", "ws")}${base}/ws`);
    await once(socket, "open");
    // Each is open for longer than it may be idle, one after the other.
    const stream = await plane.fetch(`${base}/stream?lines=2&ms=1500`);
    expect(stream.body).toBe("1\n2\n");
    const { promise: answer, resolve } = Promise.withResolvers<unknown>();
    socket.addEventListener("message", ({ data }) => resolve(data));
    await sleep(sleepAfterMs + 500);
    expect(await workloads()).toHaveLength(1);
    socket.send("still there");
    expect(await answer).toBe("still there");
    const closed = once(socket, "close");
    socket.close();
    const closedAt = Date.now();
    await closed;
    await eventually(async () => (await workloads()).length === 0);
    expect(Date.now() - closedAt).toBeGreaterThanOrEqual(sleepAfterMs);
  });
});
