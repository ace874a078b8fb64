import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { hostname } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, it } from "vitest";

const SERVER = join(import.meta.dirname, "server.ts");
let server: ChildProcess;
let base: string;

async function start(): Promise<{ server: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, PORT: "0", GANTRY_APPLICATION: "hello", SECRET: "do-not-show" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return { server: child, base: `http://127.0.0.1:${/\d+/.exec(String(line))?.[0]}` };
}

beforeAll(async () => ({ server, base } = await start()));
afterAll(() => server.kill("SIGKILL"));

describe("hello-world", () => {
  it("greets with its host name", async ({ expect }) => {
    const answer = await fetch(base);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(await answer.text()).toContain(hostname());
  });

  it("tells who it is, and none of its other environment", async ({ expect }) => {
    const text = await (await fetch(`${base}/json`)).text();
    expect(JSON.parse(text)).toMatchObject({ hostname: hostname(), instance: { application: "hello" } });
    expect(text).not.toContain("do-not-show");
  });

  it("is healthy", async ({ expect }) => {
    const answer = await fetch(`${base}/health`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: "healthy", timestamp: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  it.for(["/env", "/nothing"])("answers 404 at %s", async (path, { expect }) => {
    expect((await fetch(base + path)).status).toBe(404);
  });

  it("sends a body back while it still comes in", async ({ expect }) => {
    const outgoing = request(`${base}/echo`, { method: "POST" });
    outgoing.write("one");
    const [answer] = await once(outgoing, "response");
    expect(String((await once(answer, "data"))[0])).toBe("one");
    outgoing.end("two");
    expect(String((await once(answer, "data"))[0])).toBe("two");
  });

  it("streams as many lines as asked", async ({ expect }) => {
    expect(await (await fetch(`${base}/stream?lines=3&ms=1`)).text()).toBe("1\n2\n3\n");
  });

  it.for([
    ["short", 5],
    ["of 16-bit length", 70_000 - 5000],
    ["of 64-bit length", 200_000],
  ] as const)("echoes a message over WebSocket: %s", async ([, size], { expect }) => {
    const socket = new WebSocket(`${base}/ws`);
    await once(socket, "open");
    const message = "ü".repeat(Math.floor(size / 2));
    socket.send(message);
    const [event] = await once(socket, "message");
    expect(event.data === message).toBe(true);
    socket.binaryType = "arraybuffer";
    socket.send(new Uint8Array([0, 255, 7]));
    const [binary] = await once(socket, "message");
    expect(new Uint8Array(binary.data)).toEqual(new Uint8Array([0, 255, 7]));
    socket.close(4001, "bye");
    const [closed] = await once(socket, "close");
    expect(closed.code).toBe(4001);
  });

  it("ends with code 0 on SIGTERM, after what is under way", async ({ expect }) => {
    const own = await start();
    const outgoing = request(`${own.base}/echo`, { method: "POST", agent: false });
    outgoing.write("one");
    const [answer] = await once(outgoing, "response");
    const exit = once(own.server, "exit");
    own.server.kill("SIGTERM");
    outgoing.end("two");
    let text = "";
    for await (const bytes of answer) text += String(bytes);
    expect(text).toBe("onetwo");
    expect(await exit).toEqual([0, null]);
  });

  it.for([
    [
      "ends well, and says which attempt it is",
      [],
      { GANTRY_ATTEMPT: "4", GANTRY_JOB_INDEX: "2" },
      0,
      "attempt 4, index 2\n",
      "",
    ],
    ["prints and exits as it is told", ["--print", "a", "--error", "b", "--exit", "3"], {}, 3, "a\n", "b\n"],
    [
      "fails until its index has failed so often",
      ["--fail-first", "2"],
      { GANTRY_JOB_FAILURES: "1" },
      1,
      undefined,
      "",
    ],
    ["and then succeeds", ["--fail-first", "2", "--exit", "3"], { GANTRY_JOB_FAILURES: "2" }, 0, undefined, ""],
  ] as const)("as a job %s", async ([, args, env, code, stdout, stderr], { expect }) => {
    const child = spawn(process.execPath, [SERVER, "job", ...args], { env: { ...process.env, ...env } });
    const [out, err, [exitCode]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, "exit")]);
    expect([exitCode, stdout === undefined ? undefined : out, err]).toEqual([code, stdout, stderr]);
  });

  it.for([
    [143, []],
    [7, ["--term", "7"]],
    [3, ["--term", "ignore", "--exit", "3"]],
  ] as const)("as a job ends with %d after SIGTERM: %j", async ([code, args], { expect }) => {
    const seconds = args[1] === "ignore" ? "0.5" : "60";
    const child = spawn(process.execPath, [SERVER, "job", "--sleep", seconds, ...args]);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([code, null]);
  });

  it("stays within 4 kB as one file, as it is sent to every build", async ({ expect }) => {
    const { outputFiles } = await build({
      entryPoints: [SERVER],
      bundle: true,
      minify: true,
      write: false,
      platform: "node",
      format: "esm",
      target: "node24",
    });
    expect(outputFiles[0]?.contents.length).toBeLessThanOrEqual(4096);
  });
});
