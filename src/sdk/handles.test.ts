/** What is particular to the double and to RPC; what handles promise everywhere is in `test/sdk/handle-contract.ts`. */
import { describe, it } from "vitest";
import { createContainers } from "./containers.ts";
import { defineContainer } from "./definition/define-container.ts";
import { GantryError } from "./errors.ts";
import { createTestContainers } from "./testing/index.ts";

const hello = () => new Response("hello");

const exec = async ({ command, args = [] }: { command: string; args?: readonly string[] }) => ({
  exitCode: command === "false" ? 1 : 0,
  stdout: args.join(" "),
  stderr: "",
});

const throwing = (error: unknown) => ({
  fetch: async () => new Response(),
  getState: async () => {
    throw error;
  },
});

describe("a cold start", () => {
  it("is gone through by get, and shown as such where retries are off", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hello }, { coldStartRefusals: 2 });
    expect(await (await containers.web.get("a").fetch("/")).text()).toBe("hello");
    expect(gantry.pauses).toEqual([250, 500]);
    const once = containers.web.get("b", { attempts: 1 }).fetch("/");
    await expect(once).rejects.toMatchObject({ code: "INSTANCE_NOT_READY", retryable: true });
    expect(gantry.instance("web", "b").state).toBe("starting");
  });

  it("that cannot end well is not tried again", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hello });
    gantry.instance("web", "a").refuseNext(1, { code: "IMAGE_NOT_FOUND", retryable: false, status: 400 });
    await expect(containers.web.get("a").fetch("/")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND", status: 400 });
    expect(gantry.pauses).toEqual([]);
    expect(gantry.instance("web", "a").received).toBe(0);
  });
});

describe("an instance", () => {
  it("sleeps when it is idle, wakes with a call, and stays awake for activity", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hello }, { sleepAfterMs: 1_000 });
    const one = containers.web.get("one");
    await one.fetch("/");
    gantry.advance(999);
    await one.renewActivityTimeout();
    gantry.advance(999);
    expect((await one.getState()).ready).toBe(true);
    gantry.advance(1);
    expect(await one.getState()).toMatchObject({ state: "stopped", reason: "Idle" });
    await one.fetch("/");
    expect(await one.getState()).toMatchObject({ state: "running", generation: 2 });
  });

  it("keeps what start was given until it is destroyed", async ({ expect }) => {
    const { containers } = createTestContainers({ web: (_, { env }) => Response.json(env) });
    const one = containers.web.get("one");
    await one.start({ env: { MODE: "fast" } });
    await expect(one.start({ env: { MODE: "slow" } })).rejects.toMatchObject({
      code: "START_CONFLICT",
      details: { differs: ["env"] },
    });
    await one.stop();
    expect(await (await one.fetch("/")).json()).toEqual({ MODE: "fast" });
    await one.destroy();
    expect(await (await one.fetch("/")).json()).toEqual({});
  });

  it("that loses a connection is not sent a POST again", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hello });
    gantry.instance("web", "a").loseNext();
    await expect(containers.web.get("a").fetch("/", { method: "POST" })).rejects.toMatchObject({
      code: "CONNECTION_LOST",
    });
    expect(gantry.instance("web", "a").received).toBe(1);
  });

  it("gives snapshots only while it runs", async ({ expect }) => {
    const { containers } = createTestContainers({ web: hello });
    const one = containers.web.get("one");
    await expect(one.snapshot()).rejects.toMatchObject({ code: "INSTANCE_NOT_RUNNING" });
    await one.start();
    expect(await one.snapshot({ name: "before" })).toMatchObject({ name: "before", id: expect.any(String) });
  });
});

describe("exec", () => {
  it("gives the exit code as a result", async ({ expect }) => {
    const { containers } = createTestContainers({ web: { fetch: hello, exec } });
    expect(await containers.web.get("a").exec("echo", { args: ["a", "b"] })).toEqual({
      exitCode: 0,
      stdout: "a b",
      stderr: "",
    });
    expect((await containers.web.get("a").exec("false")).exitCode).toBe(1);
  });

  it("refuses nonsense before anything is sent", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: { fetch: hello, exec } });
    const one = containers.web.get("a");
    await expect(one.exec(" ")).rejects.toMatchObject({
      code: "VALIDATE_INPUT",
      details: { command: expect.any(String) },
    });
    await expect(one.exec("ls", { timeoutMs: 0, maxOutputBytes: 1.5 })).rejects.toMatchObject({
      details: { timeoutMs: expect.any(String), maxOutputBytes: expect.any(String) },
    });
    expect(gantry.instance("web", "a").generation).toBe(0);
  });

  it("is not waited for by a caller that gives up", async ({ expect }) => {
    const { containers } = createTestContainers({
      web: { fetch: hello, exec: () => new Promise<never>(() => undefined) },
    });
    const caller = new AbortController();
    const running = containers.web.get("a").exec("sleep", { signal: caller.signal });
    const reason = new Error("enough");
    caller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });
});

describe("a terminal", () => {
  it("carries keys, output, size and the exit code", async ({ expect }) => {
    const sizes: unknown[] = [];
    const { containers } = createTestContainers({
      web: {
        fetch: hello,
        terminal(session) {
          sizes.push(session.command, session.size);
          session.write("$ ");
          session.onResize((size) => sizes.push(size));
          session.onInput((keys) => {
            session.write(keys);
            session.exit(3);
          });
        },
      },
    });
    const terminal = await containers.web.get("a").terminal({ command: "bash" });
    terminal.resize({ columns: 120, rows: 40 });
    terminal.write("exit 3\n");
    let output = "";
    for await (const bytes of terminal) output += new TextDecoder().decode(bytes);
    expect(output).toBe("$ exit 3\n");
    expect(await terminal.exitCode).toBe(3);
    expect(sizes).toEqual(["bash", { columns: 80, rows: 24 }, { columns: 120, rows: 40 }]);
  });

  it("that is cut has no exit code", async ({ expect }) => {
    const { containers } = createTestContainers({ web: { fetch: hello, terminal: () => undefined } });
    const terminal = await containers.web.get("a").terminal();
    terminal.close();
    await expect(terminal.exitCode).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});

describe("an error of RPC", () => {
  it("has its class back, and what it knows", async ({ expect }) => {
    const crossed = Object.assign(new Error("it is held"), {
      name: "GantryError",
      code: "INSTANCE_HELD",
      retryable: false,
      details: { id: "a" },
    });
    const error: unknown = await createContainers<{ web: { image: string } }>(throwing(crossed))
      .web.get("a")
      .getState()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GantryError);
    expect(error).toMatchObject({
      code: "INSTANCE_HELD",
      message: "it is held",
      retryable: false,
      details: { id: "a" },
    });
  });

  it("says what to bind when the binding is something else", async ({ expect }) => {
    const text = 'The RPC receiver does not implement the method "getState".';
    const { web } = createContainers<{ web: { image: string } }>(throwing(new TypeError(text)));
    await expect(web.get("a").getState()).rejects.toMatchObject({
      code: "NOT_SUPPORTED",
      message: expect.stringContaining("Gantry"),
    });
  });

  it("is a lost connection otherwise", async ({ expect }) => {
    const { web } = createContainers<{ web: { image: string } }>(throwing(new Error("Network connection lost.")));
    await expect(web.get("a").getState()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});

describe("an error that is passed on", () => {
  it("is an answer with status, reason and when to come back", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hello });
    gantry.instance("web", "a").refuseNext(9, { code: "QUEUE_FULL", retryAfterMs: 60_000 });
    const error: unknown = await containers.web
      .get("a")
      .fetch("/")
      .catch((thrown: unknown) => thrown);
    const response = (error as GantryError).toResponse();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("60");
    expect(response.headers.get("gantry-error")).toBe("QUEUE_FULL");
    expect(await response.json()).toMatchObject({ success: false, errors: [{ code: "QUEUE_FULL", retryable: true }] });
  });
});

describe("egress of the double", () => {
  const hosted = { fetch: hello, egress: { allow: [{ host: "api.example.com", methods: ["GET"] }, "*.example.org"] } };

  it("decides as the control plane does, for tests to assert", async ({ expect }) => {
    const { containers, gantry } = createTestContainers({ web: hosted, closed: hello });
    const instance = gantry.instance("web", "a");
    expect(instance.mayReach("https://api.example.com/x")).toBe(true);
    expect(instance.mayReach("https://api.example.com/x", "POST")).toBe(false);
    expect(instance.mayReach(new URL("http://a.example.org"))).toBe(true);
    expect(instance.mayReach("http://a.example.org:8080/")).toBe(false);
    expect(gantry.instance("closed", "a").mayReach("https://api.example.com/")).toBe(false);
    await containers.web.get("a").egress.deny("a.example.org");
    expect(instance.mayReach("http://a.example.org")).toBe(false);
    expect(gantry.instance("web", "b").mayReach("http://a.example.org")).toBe(true);
  });

  it("is that of the definition, and changes nothing that is open", async ({ expect }) => {
    const definitions = {
      web: defineContainer({ image: "./", allowedHosts: ["a.example.com"] }),
      free: defineContainer({ image: "./", egress: { default: "allow", open: true } }),
    };
    const { containers, gantry } = createTestContainers({ web: hello, free: hello }, { definitions });
    expect(await containers.web.get("a").egress.get()).toMatchObject({ allowed: ["a.example.com"], denied: [] });
    expect(gantry.instance("free", "a").mayReach("http://10.0.0.1/")).toBe(true);
    await expect(containers.free.get("a").egress.deny("b.example.com")).rejects.toMatchObject({ code: "EGRESS_OPEN" });
  });
});
