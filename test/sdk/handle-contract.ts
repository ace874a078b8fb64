/**
 * What handles promise, as one suite for every place that containers can be in: the test double, and a real control
 * plane. Where it runs gives an application that answers JSON with what it was asked (`port`, `path`, `search`,
 * `method`, `headers`, `body`), 429 at `/busy`, 503 at `/down`, and echoes WebSockets at `/ws`. Of commands it has `print`,
 * which prints its arguments, `fail`, which ends with 3, and `cat`.
 */
import { describe, it } from "vitest";
import { GantryError } from "../../src/sdk/errors.ts";
import type { ContainerAccessor } from "../../src/sdk/handles.ts";
import { egressContract } from "./egress-contract.ts";

export interface Stage {
  /** An application with three members in its pool, and room for named instances. */
  readonly web: ContainerAccessor;
  /** One that does not exist. */
  readonly unknown: ContainerAccessor;
  /** How often each instance, by its public id, got a request for the path. */
  readonly receivedAt: (path: string) => Promise<ReadonlyMap<string, number>>;
  /** From here on no instance that there is answers at the path. */
  readonly hangAt: (path: string) => Promise<void>;
  /** The environment that a named instance was last started with. */
  readonly envOf: (id: string) => Promise<Readonly<Record<string, string>>>;
  /** From here on one member of the pool answers 500 at the path. */
  readonly breakMember: (path: string) => Promise<void>;
}

interface Echo {
  readonly port: number;
  readonly path: string;
  readonly search: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

const count = (received: ReadonlyMap<string, number>) => [...received.values()].reduce((sum, n) => sum + n, 0);
const echoOf = async (response: Response): Promise<Echo> => await response.json();
const instanceOf = (response: Response) => response.headers.get("gantry-instance");
const failure = async (work: Promise<unknown>): Promise<GantryError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GantryError) return error;
  throw new Error(`no GantryError: ${String(error)}`);
};

export function handleContract(makeStage: () => Promise<Stage>): void {
  describe("get", () => {
    it("gives the same instance for the same id, and another one for another", async ({ expect }) => {
      const { web } = await makeStage();
      const answers = await Promise.all([web.get("a").fetch("/"), web.get("a").fetch("/"), web.get("b").fetch("/")]);
      const [first, again, other] = answers.map(instanceOf);
      expect(first).toMatch(/^[0-9a-f]{64}$/);
      expect(again).toBe(first);
      expect(other).not.toBe(first);
    });

    it("starts one container for many first calls at once", async ({ expect }) => {
      const { web } = await makeStage();
      const answers = await Promise.all(Array.from({ length: 20 }, () => web.get("crowd").fetch("/")));
      expect(new Set(answers.map(instanceOf)).size).toBe(1);
      expect((await web.get("crowd").getState()).generation).toBe(1);
    });

    it("takes every id as it is, and none as part of the address", async ({ expect }) => {
      const { web } = await makeStage();
      const ids = ["a/b", "a%2Fb", "..", "a:b@c?d#e", "/:9090", "x".repeat(128)];
      const seen = await Promise.all(ids.map((id) => web.get(id).fetch("/where?q=1")));
      for (const response of seen) expect(await echoOf(response)).toMatchObject({ path: "/where", search: "?q=1" });
      expect(new Set(seen.map(instanceOf)).size).toBe(ids.length);
    });

    it("brings method, path, query, headers and body to the application unchanged", async ({ expect }) => {
      const { web } = await makeStage();
      const response = await web
        .get("a")
        .fetch("/deep/path?q=1&q=%2F", { method: "PUT", headers: { "x-mine": "yes" }, body: "hello" });
      expect(await echoOf(response)).toMatchObject({
        path: "/deep/path",
        search: "?q=1&q=%2F",
        method: "PUT",
        headers: { "x-mine": "yes" },
        body: "hello",
      });
    });

    it("brings a Request along with its body, and takes path and query of a URL", async ({ expect }) => {
      const { web } = await makeStage();
      const request = new Request("https://public.example.com/in?x=1", { method: "POST", body: "from outside" });
      expect(await echoOf(await web.get("a").fetch(request))).toMatchObject({
        path: "/in",
        search: "?x=1",
        method: "POST",
        body: "from outside",
      });
      const url = new URL("https://public.example.com/other?y=2");
      expect(await echoOf(await web.get("a").fetch(url))).toMatchObject({ path: "/other", search: "?y=2" });
    });

    it("passes the application's own 429 and 503 on after one try", async ({ expect }) => {
      const { web, receivedAt } = await makeStage();
      for (const [path, status] of [
        ["/busy", 429],
        ["/down", 503],
      ] as const) {
        const response = await web.get("a", { attempts: 5 }).fetch(path, { method: "POST", body: "once" });
        expect(response.status).toBe(status);
        expect(count(await receivedAt(path))).toBe(1);
      }
    });

    it("ends at once when the caller gives up, with the caller's reason", async ({ expect }) => {
      const { web, hangAt } = await makeStage();
      await (await web.get("a").fetch("/warm")).text();
      await hangAt("/hang");
      const caller = new AbortController();
      const hanging = web.get("a", { signal: caller.signal }).fetch("/hang");
      const reason = new Error("not needed any more");
      caller.abort(reason);
      await expect(hanging).rejects.toBe(reason);
    });

    it("says that there is no such application, and does not try again", async ({ expect }) => {
      const { unknown } = await makeStage();
      const error = await failure(unknown.get("a", { attempts: 5 }).fetch("/"));
      expect(error).toMatchObject({ code: "APPLICATION_NOT_FOUND", retryable: false, status: 404 });
    });
  });

  describe("paths", () => {
    it("that look like an id or a port stay paths", async ({ expect }) => {
      const { web } = await makeStage();
      const victim = instanceOf(await web.get("victim").fetch("/"));
      for (const path of ["/@victim/secret", "/:9090/admin", "/@victim/:9090/x"]) {
        const response = await web.any().fetch(path);
        expect(instanceOf(response)).not.toBe(victim);
        const echo = await echoOf(response);
        expect(decodeURIComponent(echo.path)).toBe(path);
        expect(echo.port).toBe(8_080);
      }
    });

    it("cannot climb out of the application", async ({ expect }) => {
      const { web } = await makeStage();
      for (const path of ["/../../other/x", "/%2e%2e/%2E%2E/x", "//host/../x"]) {
        const response = await web.get("a").fetch(path);
        expect((await echoOf(response)).path).toMatch(/^\/(?:other\/)?\/?x$/);
      }
    });
  });

  describe("port", () => {
    it("names another port, for get, any and pool alike, and keeps what a named handle can do", async ({ expect }) => {
      const { web } = await makeStage();
      for (const handle of [web.get("a"), web.any(), web.pool()]) {
        expect((await echoOf(await handle.fetch("/x"))).port).toBe(8_080);
        expect((await echoOf(await handle.port(9_090).fetch("/x"))).port).toBe(9_090);
      }
      expect((await web.get("a").port(9_090).getState()).ready).toBe(true);
    });
  });

  describe("any", () => {
    it("passes the application's own 429 and 503 on after one try", async ({ expect }) => {
      const { web, receivedAt } = await makeStage();
      expect((await web.any(undefined, { attempts: 5 }).fetch("/busy")).status).toBe(429);
      expect((await web.any(undefined, { attempts: 5 }).fetch("/down")).status).toBe(503);
      expect(count(await receivedAt("/busy"))).toBe(1);
      expect(count(await receivedAt("/down"))).toBe(1);
    });

    it("chooses for each call, and never a named instance", async ({ expect }) => {
      const { web } = await makeStage();
      const named = instanceOf(await web.get("a").fetch("/"));
      const any = web.any();
      const members = new Set((await Promise.all(Array.from({ length: 40 }, () => any.fetch("/")))).map(instanceOf));
      expect(members.size).toBeGreaterThan(1);
      expect(members).not.toContain(named);
    });
  });

  describe("pool", () => {
    it("lets no caller see a broken member, and tries none twice for one call", async ({ expect }) => {
      const { web, receivedAt, breakMember } = await makeStage();
      await breakMember("/work");
      const pool = web.pool({ attempts: 3, backoffMs: 0 });
      for (let call = 1; call <= 12; call += 1) {
        const before = await receivedAt("/work");
        const response = await pool.fetch("/work", { method: "POST", body: "job" });
        expect(response.status).toBe(200);
        for (const [instance, times] of await receivedAt("/work")) {
          expect(times - (before.get(instance) ?? 0)).toBeLessThanOrEqual(1);
        }
      }
    });

    it("sends a stream once, and gives what came of it", async ({ expect }) => {
      const { web, receivedAt, breakMember } = await makeStage();
      await breakMember("/work");
      const pool = web.pool({ backoffMs: 0 });
      const statuses: number[] = [];
      for (let call = 0; call < 12; call += 1) {
        const body = new Blob(["streamed"]).stream();
        const response = await pool.fetch("/work", { method: "POST", body, duplex: "half" } as RequestInit);
        statuses.push(response.status);
        await response.body?.cancel();
      }
      expect(count(await receivedAt("/work"))).toBe(12);
      expect(statuses).toContain(200);
    });
  });

  describe("lifecycle", () => {
    it("starts, stops, starts again with the next call, and counts the starts", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      expect(await one.getState()).toMatchObject({ name: "one", state: "absent", instance: null, generation: 0 });
      const started = await one.start();
      expect(started).toMatchObject({ name: "one", state: "running", ready: true, generation: 1, exitCode: null });
      expect(instanceOf(await one.fetch("/"))).toBe(started.instance);
      await one.renewActivityTimeout();
      await one.stop();
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
      expect(instanceOf(await one.fetch("/"))).toBe(started.instance);
      expect(await one.getState()).toMatchObject({ state: "running", generation: 2 });
    });

    it("makes another one after it was destroyed", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      const { instance } = await one.start();
      await one.destroy();
      await expect.poll(async () => (await one.getState()).state).toBe("absent");
      const again = await one.start();
      expect(again.generation).toBe(1);
      expect(again.instance).not.toBe(instance);
    });
  });

  describe("start with options", () => {
    it("keeps them through sleep and wake until it is destroyed, and takes the same again", async ({ expect }) => {
      const { web, envOf } = await makeStage();
      const one = web.get("one");
      const options = { env: { A: "1" }, image: "hello-world" };
      expect((await one.start(options)).generation).toBe(1);
      expect((await one.start({ ...options })).generation).toBe(1);
      expect((await one.start()).generation).toBe(1);
      expect(await envOf("one")).toMatchObject({ A: "1" });
      await one.stop();
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
      await (await one.fetch("/")).text();
      expect(await envOf("one")).toMatchObject({ A: "1" });
      await one.destroy();
      await expect.poll(async () => (await one.getState()).state).toBe("absent");
      await one.start();
      expect(await envOf("one")).not.toHaveProperty("A");
    });

    it("is a conflict while it runs with others, by the names of what differs, and holds once it sleeps", async ({
      expect,
    }) => {
      const { web, envOf } = await makeStage();
      const one = web.get("one");
      await one.start({ env: { A: "1" } });
      const conflict = await failure(one.start({ env: { A: "secret-2" }, instanceType: "basic" }));
      expect(conflict).toMatchObject({ code: "START_CONFLICT", retryable: false });
      expect(conflict.details).toMatchObject({ differs: ["env", "instance_type"] });
      expect(conflict.message).not.toContain("secret-2");
      await one.stop();
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
      await one.start({ env: { B: "2" } });
      const env = await envOf("one");
      expect(env).toMatchObject({ B: "2" });
      expect(env).not.toHaveProperty("A");
    });

    it("begins with a snapshot by its name, which is kept while it is used", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      expect(await failure(one.snapshot())).toMatchObject({ code: "INSTANCE_NOT_RUNNING" });
      await one.start();
      expect(await one.snapshot()).toMatchObject({ name: "latest", id: expect.any(String) });
      await one.snapshot({ name: "mine" });
      expect((await one.listSnapshots()).map(({ name }) => name)).toEqual(["mine", "latest"]);
      await one.stop();
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
      expect(await failure(one.start({ snapshot: "other" }))).toMatchObject({ code: "SNAPSHOT_NOT_FOUND" });
      expect((await one.start({ snapshot: "mine" })).generation).toBe(2);
      expect(await failure(one.deleteSnapshot("mine"))).toMatchObject({ code: "SNAPSHOT_IN_USE" });
      await one.deleteSnapshot("latest");
      expect((await one.listSnapshots()).map(({ name }) => name)).toEqual(["mine"]);
    });

    it("stops with the signal that it is given, and with no other word", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      await one.start();
      expect(await failure(one.stop("SIGNONE"))).toMatchObject({ code: "VALIDATE_INPUT" });
      expect((await one.getState()).state).toBe("running");
      await one.stop("SIGINT");
      await expect.poll(async () => (await one.getState()).state).toBe("stopped");
    });
  });

  egressContract(makeStage, failure);

  describe("commands", () => {
    it("give what they print and how they end, which is no error", async ({ expect }) => {
      const { web } = await makeStage();
      const one = web.get("one");
      expect(await one.exec("print", { args: ["a", "b c"] })).toMatchObject({ exitCode: 0, stdout: "a b c" });
      expect((await one.exec("fail")).exitCode).toBe(3);
    });

    it("on a terminal take keys until they end", async ({ expect }) => {
      const { web } = await makeStage();
      const terminal = await web.get("one").terminal({ command: "cat" });
      terminal.write("hello");
      let output = "";
      for await (const bytes of terminal) {
        output += new TextDecoder().decode(bytes);
        if (output === "hello") terminal.write("\u0004");
      }
      expect(output).toBe("hello");
      expect(await terminal.exitCode).toBe(0);
    });
  });

  describe("connect", () => {
    it("passes messages both ways in their order, and a close with its code", async ({ expect }) => {
      const { web } = await makeStage();
      const socket = await web.get("a").connect("/ws");
      const sent = Array.from({ length: 100 }, (_, n) => String(n));
      for (const message of sent) socket.send(message);
      const got: unknown[] = [];
      for await (const message of socket) {
        got.push(message);
        if (got.length === sent.length) socket.close(4_001, "enough");
      }
      expect(got).toEqual(sent.map((message) => `echo ${message}`));
      expect(await socket.closed).toEqual({ code: 4_001, reason: "enough" });
    });

    it("says so when the application answers with something else", async ({ expect }) => {
      const { web } = await makeStage();
      expect(await failure(web.any().connect("/no-socket"))).toMatchObject({ code: "NOT_A_WEBSOCKET", status: 200 });
    });
  });
}
