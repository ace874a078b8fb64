/** `wrangler containers ssh`: who gets a token, what it opens, how bytes go through, and how the tunnel ends. */
import { runInDurableObject } from "cloudflare:test";
import { describe, it } from "vitest";
import type { Instance } from "../../src/containers/instance.ts";
import { toClaims } from "../../src/containers/ssh-access.ts";
import { makeGrant } from "../../src/grant.ts";
import { masterKeys } from "../../src/sealing.ts";
import { instanceStub } from "../../src/stubs.ts";
import { freshAccount } from "./accounts.ts";
import {
  ACCOUNT_ID,
  call,
  createApplication,
  domainError,
  eventually,
  instancesOf,
  raw,
  testEnv,
  untilReady,
  type Envelope,
} from "./client.ts";
import { containerOf, type FakeContainer } from "./fake-container.ts";

interface Target {
  readonly id: string;
  readonly instance: string;
  readonly deployment: string;
  readonly container: FakeContainer;
}

async function running(
  configuration: Record<string, unknown> = {},
  body: Record<string, unknown> = {},
): Promise<Target> {
  const { id } = await createApplication({
    configuration: { image: "hello-world", wrangler_ssh: { enabled: true }, ...configuration },
    ...body,
  });
  const [one] = await untilReady(id, 1);
  if (one === undefined) throw new Error("not running");
  return { id, instance: one.id, deployment: one.deployment_id, container: containerOf(one.id) };
}

async function ask(instance: string): Promise<{ url: string; token: string }> {
  const { status, result, errors } = await call("GET", `/instances/${instance}/ssh`);
  if (status !== 200) throw new Error(JSON.stringify(errors));
  return result;
}

/** As wrangler connects. */
async function connect({ url, token }: { url: string; token: string }): Promise<Response> {
  return await raw("GET", url.replace(/^ws/, "http"), undefined, {
    authorization: `Bearer ${token}`,
    upgrade: "websocket",
  });
}

interface Tunnel {
  readonly socket: WebSocket;
  readonly output: () => string;
  readonly bytes: () => number;
  readonly closed: Promise<CloseEvent>;
}

async function open(instance: string): Promise<Tunnel> {
  const { webSocket: socket, status } = await connect(await ask(instance));
  if (socket === null) throw new Error(String(status));
  const chunks: Uint8Array[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<CloseEvent>();
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => chunks.push(new Uint8Array(data as ArrayBuffer)));
  socket.addEventListener("close", resolve);
  socket.accept();
  return {
    socket,
    output: () => chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
    bytes: () => chunks.reduce((sum, { length }) => sum + length, 0),
    closed,
  };
}

const encoded = (text: string) => new TextEncoder().encode(text);

async function refusal(
  instance: string,
): Promise<{ status: number; message: string; details: Record<string, unknown> }> {
  const answer = await call("GET", `/instances/${instance}/ssh`);
  return { status: answer.status, message: answer.errors[0]?.message ?? "", details: domainError(answer).details };
}

describe("SSH into an instance", () => {
  it("carries bytes to and from port 22 of its container, by either of its ids", async ({ expect }) => {
    const { instance, deployment, container } = await running();
    expect(container.starts[0]?.env["GANTRY_SSH_PORT"]).toBe("22");
    for (const id of [instance, deployment]) {
      const { socket, output } = await open(id);
      await eventually(async () => output() === "hello from 22\n");
      socket.send(encoded("one "));
      socket.send(encoded("two"));
      await eventually(async () => output() === "hello from 22\none two");
      socket.close();
    }
    await eventually(async () => container.tunnelled.filter((line) => line === "[closed]").length === 2);
    expect(container.tunnelled.filter((line) => !line.startsWith("["))).toEqual(["one ", "two", "one ", "two"]);
  });

  it("goes to the port that the configuration says, which the container is told", async ({ expect }) => {
    const { instance, container } = await running({ wrangler_ssh: { enabled: true, port: 2_222 } });
    expect(container.starts[0]?.env["GANTRY_SSH_PORT"]).toBe("2222");
    const { socket, output } = await open(instance);
    await eventually(async () => output() === "hello from 2222\n");
    socket.close();
  });

  it("has an address of the same host, that a client can connect to", async ({ expect }) => {
    const { instance, deployment } = await running();
    const { url } = await ask(instance);
    expect(url).toBe(
      `ws://control.test/client/v4/accounts/${ACCOUNT_ID}/containers/instances/${deployment}/ssh/tunnel`,
    );
    const secure = await raw(
      "GET",
      `https://control.test/client/v4/accounts/${ACCOUNT_ID}/containers/instances/${instance}/ssh`,
    );
    expect((await secure.json<Envelope>()).result.url).toMatch(/^wss:/);
  });

  it("is under way like a request: a drain waits for it", async ({ expect }) => {
    const { id, instance, container } = await running({ drain_timeout: "20s", stop_grace: "1s" });
    const { socket, output, closed } = await open(instance);
    await eventually(async () => output() !== "");
    await call("POST", `/applications/${id}/instances/${instance}/stop`);
    await eventually(async () => (await instancesOf(id))[0]?.status.state === "stopping");
    socket.send(encoded("still here"));
    await eventually(async () => output().endsWith("still here"));
    expect(container.signals).toEqual([]);
    socket.close();
    await closed;
    await eventually(async () => container.signals.length > 0);
    expect(container.signals).toEqual([15]);
  });

  it("keeps a named instance awake, and starts none", async ({ expect }) => {
    const { id, name } = await createApplication({
      instances: 0,
      named_instances: 1,
      ingress: { mode: "public" },
      configuration: { image: "hello-world", sleep_after: "1s", wrangler_ssh: { enabled: true } },
    });
    await (await raw("GET", `http://control.test/a/${name}/@alice/`)).text();
    const instance = (await instancesOf(id))[0]?.id ?? "";
    const { socket, output } = await open(instance);
    await eventually(async () => output() !== "");
    const until = Date.now() + 1_500;
    await eventually(async () => Date.now() > until);
    expect((await instancesOf(id))[0]?.status.state).toBe("running");
    socket.close();
    await eventually(async () => (await instancesOf(id))[0]?.status.state === "stopped");
    expect(await refusal(instance)).toMatchObject({ status: 409, details: { cause: "not-running" } });
    expect((await instancesOf(id))[0]?.status.state).toBe("stopped");
  });
});

describe("a tunnel", () => {
  it("ends with the container's side, after all that it has sent", async ({ expect }) => {
    const { instance } = await running();
    const { socket, output, closed } = await open(instance);
    socket.send(encoded("bye"));
    expect(await closed).toMatchObject({ code: 1000 });
    expect(output()).toBe("hello from 22\nbye");
  });

  it("hands over all that the client has sent before it left, then the end", async ({ expect }) => {
    const { instance, container } = await running();
    const { socket } = await open(instance);
    for (let n = 0; n < 50; n += 1) socket.send(encoded(`quiet`));
    socket.send(encoded("last"));
    socket.close();
    await eventually(async () => container.tunnelled.includes("[end]"));
    expect(
      container.tunnelled.slice(0, container.tunnelled.indexOf("[end]")).filter((line) => line === "quiet"),
    ).toHaveLength(50);
    expect(container.tunnelled[container.tunnelled.indexOf("[end]") - 1]).toBe("last");
  });

  it("carries 20 MB from the container whole", async ({ expect }) => {
    const { instance } = await running();
    const size = 20 * 1_048_576;
    const { socket, bytes, closed } = await open(instance);
    socket.send(encoded(`flood ${size}`));
    await closed;
    expect(bytes()).toBe(size + "hello from 22\n".length);
  });

  it("takes binary messages only", async ({ expect }) => {
    const { instance } = await running();
    const { socket, closed } = await open(instance);
    socket.send("text");
    expect(await closed).toMatchObject({ code: 1003 });
  });
});

describe("SSH is not available", () => {
  it.for([
    ["without wrangler_ssh", {}, "wrangler_ssh.enabled"],
    ["with it switched off", { wrangler_ssh: { enabled: false, port: 22 } }, "wrangler_ssh.enabled"],
  ] as const)("%s, and the answer says what to do", async ([, configuration, fix], { expect }) => {
    const { instance, container } = await running({ wrangler_ssh: undefined, ...configuration });
    expect(container.starts[0]?.env["GANTRY_SSH_PORT"]).toBe(undefined);
    const { status, message, details } = await refusal(instance);
    expect([status, details["cause"]]).toEqual([409, "not-enabled"]);
    // wrangler prints the message as it is.
    expect(message).toMatch(/^SSH_NOT_AVAILABLE: /);
    expect(message).toContain(fix);
  });

  it("where nobody listens on the port", async ({ expect }) => {
    const { instance, container } = await running();
    container.closedPorts.add(22);
    const { status, message, details } = await refusal(instance);
    expect([status, details["cause"]]).toEqual([409, "not-listening"]);
    expect(message).toContain("nobody listens on port 22");
    expect(message).toContain("authorized_keys");
  });

  it.for(["nobody", "0".repeat(64), "auto-0-00000000000000000000000000000000-000000000000"])(
    "of what is no instance: %s",
    async (id, { expect }) => {
      expect(await refusal(id)).toMatchObject({ status: 404 });
    },
  );
});

describe("the token of a tunnel", () => {
  it("is good for one connection", async ({ expect }) => {
    const { instance } = await running();
    const asked = await ask(instance);
    const [first, second] = [await connect(asked), await connect(asked)];
    expect([first.status, second.status]).toEqual([101, 401]);
    first.webSocket?.accept();
    first.webSocket?.close();
  });

  it("is not good again after the object has lost its memory", async ({ expect }) => {
    const { instance, deployment } = await running();
    const asked = await ask(instance);
    const first = await connect(asked);
    first.webSocket?.accept();
    first.webSocket?.close();
    await runInDurableObject(instanceStub(testEnv, deployment), (_: Instance, state) => {
      state.abort("reset by the test");
    }).catch(() => undefined);
    await eventually(async () => (await call("GET", `/instances/${instance}/ssh`)).status === 200);
    expect((await connect(asked)).status).toBe(401);
  });

  it("is good for a minute, for its container, and for no other instance", async ({ expect }) => {
    const [one, other] = [await running(), await running()];
    const claims = { accountId: ACCOUNT_ID, deploymentId: one.deployment, generation: 1, actor: "me", tokenId: null };
    const grant = (changed: Partial<typeof claims>, at = Date.now() + 60_000) =>
      makeGrant(masterKeys(testEnv), "gantry-ssh-v1", toClaims({ ...claims, ...changed }), at);
    const { url } = await ask(one.instance);
    const elsewhere = await ask(other.instance);
    const tries = [
      { url, token: await grant({}, Date.now() - 1) },
      { url, token: await grant({ generation: 2 }) },
      { url, token: elsewhere.token },
      { url: elsewhere.url, token: await grant({}) },
      { url, token: await makeGrant(masterKeys(testEnv), "gantry-exec-v1", toClaims(claims), Date.now() + 60_000) },
      { url, token: "test-token" },
      { url, token: "" },
    ];
    const answers = await Promise.all(tries.map((tried) => connect(tried)));
    expect(answers.map(({ status }) => status)).toEqual([401, 409, 401, 401, 401, 401, 401]);
    const good = await connect({ url, token: await grant({}) });
    expect(good.status).toBe(101);
    good.webSocket?.accept();
    good.webSocket?.close();
  });

  it("opens nothing but a WebSocket", async ({ expect }) => {
    const { instance } = await running();
    const { url, token } = await ask(instance);
    const plain = await raw("GET", url.replace(/^ws/, "http"), undefined, { authorization: `Bearer ${token}` });
    expect(plain.status).toBe(400);
  });

  it("does nothing as a header from outside", async ({ expect }) => {
    const { id, container, instance } = await running({}, { ingress: { mode: "public" } });
    const { token } = await ask(instance);
    const path = `http://control.test/a/${id}/ws`;
    const response = await raw("GET", path, undefined, { upgrade: "websocket", "gantry-ssh": token });
    response.webSocket?.accept();
    response.webSocket?.close();
    expect(container.tunnelled).toEqual([]);
  });
});

async function newToken(body: Record<string, unknown>): Promise<string> {
  return (await call("POST", "/tokens", { name: "ssh", ...body })).result.value;
}

describe("who may", () => {
  it("operate what runs gets a token, and the audit names him, at both steps", async ({ expect }) => {
    const { instance, id } = await running();
    const as = async (body: Record<string, unknown>) => {
      const authorization = `Bearer ${await newToken(body)}`;
      return await raw("GET", `/instances/${instance}/ssh`, undefined, { authorization });
    };
    expect((await as({ scopes: ["read"] })).status).toBe(403);
    expect((await as({ scopes: ["operate"], applications: [crypto.randomUUID()] })).status).toBe(404);
    const answer = await as({ scopes: ["operate"], applications: [id] });
    expect(answer.status).toBe(200);
    const { result } = await answer.json<Envelope>();
    const opened = await connect(result);
    opened.webSocket?.accept();
    opened.webSocket?.close();
    const rows = await eventually(async () => {
      const audit = (await call("GET", "/audit?per_page=1000")).result as Record<string, unknown>[];
      const about = audit.filter(({ path }) => String(path).includes("/ssh") && String(path).includes("/instances/"));
      const mine = about.filter(({ path, actor }) => {
        return (
          (String(path).includes(instance) || String(path).endsWith("/tunnel")) && String(actor).startsWith("token ssh")
        );
      });
      return mine.length >= 4 && mine.every(({ status }) => status !== null) && mine.slice(0, 4);
    });
    expect(rows.map(({ status }) => status)).toEqual([101, 200, 404, 403]);
    expect(JSON.stringify(rows)).not.toContain(result.token);
  });

  it("not another account", async ({ expect }) => {
    const { instance, deployment } = await running();
    const account = await freshAccount();
    for (const id of [instance, deployment])
      expect((await account.call("GET", `/instances/${id}/ssh`)).status).toBe(404);
  });
});
