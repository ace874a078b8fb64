/**
 * The Claude agent as its manifest says it, in real containers, with a stand-in of the Messages API behind the real name: its
 * key is outside of the container, its tools reach what egress allows, and its conversations outlive their containers.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { MessagesApi } from "../../containers/claude-agent/testing/messages-api.ts";
import { ControlPlane, docker, eventually, PROJECT_DIR, workloads, type Answer } from "./control-plane.ts";

const KEY = `sk-ant-${crypto.randomUUID()}`;
const plane = new ControlPlane();
const api = new MessagesApi(KEY);
let application: string;
let token: string;

beforeAll(async () => {
  const upstream = await api.start();
  await plane.start({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "api.anthropic.com": upstream }) });
  const manifest = await readFile(join(PROJECT_DIR, "containers/claude-agent/application.json"), "utf8");
  const { name, ...rest } = JSON.parse(manifest);
  application = await plane.create(name, rest);
  const made = await plane.call("POST", "/tokens", { name: "caller", scopes: ["invoke"], applications: [name] });
  token = made.result.value;
});
afterAll(async () => {
  await plane.stop();
  await api.stop();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

async function ask(conversation: string, method: string, path: string, body?: object): Promise<Answer> {
  return await plane.fetch(`/a/claude-agent/@${conversation}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function chat(conversation: string, message: string, more: object = {}) {
  const { status, body, headers } = await ask(conversation, "POST", "/chat", { message, ...more });
  return { status, headers, said: JSON.parse(body) };
}

/** What a command says inside, as the model asks for it. */
async function shell(conversation: string, command: string): Promise<string> {
  const call = `tool shell ${JSON.stringify({ command })}`;
  const { status, said } = await chat(conversation, call, { tools: ["shell"], approval: "auto" });
  if (status !== 200) throw new Error(JSON.stringify(said));
  return said.response;
}

const hasKey = async (conversation: string) => JSON.parse((await ask(conversation, "GET", "/health")).body).hasApiKey;

const instanceOf = async (conversation: string) => {
  const { result } = await plane.call("GET", `/applications/${application}/instances-v2`);
  return (result as { id: string; name: string; generation: number }[]).find(({ name }) => name === conversation);
};

describe("the agent", () => {
  it("answers nobody without a token, and says how to get a key as long as there is none", async ({ expect }) => {
    expect((await plane.fetch("/a/claude-agent/@ada/health")).status).toBe(401);
    expect(await hasKey("ada")).toBe(false);
    const { status, said } = await chat("ada", "Hello");
    expect([status, said.error.code, api.received.length]).toEqual([503, "NO_API_KEY", 0]);
    await plane.call("POST", "/secrets", { name: "ANTHROPIC_API_KEY", value: KEY });
    await eventually(async () => (await hasKey("ada")) === true);
  });

  it("chats with a key that it does not have, whole and in events", async ({ expect }) => {
    const { status, said, headers } = await chat("ada", "Hello");
    expect([status, said, headers["agent-history"]]).toEqual([
      200,
      { response: "1: Hello", model: "claude-sonnet-5-5", usage: expect.objectContaining({ output_tokens: 5 }) },
      "kv",
    ]);
    expect(api.last.headers).toMatchObject({ authorization: `Bearer ${KEY}`, "x-forwarded-host": "api.anthropic.com" });
    const streamed = await ask("ada", "POST", "/chat", { message: "again", stream: true });
    expect(streamed.headers["content-type"]).toBe("text/event-stream");
    const types = streamed.body.split("\n").flatMap((line) => (line.startsWith("event: ") ? [line.slice(7)] : []));
    expect(types.filter((type) => type !== "text")).toEqual(["start", "done"]);
    const limited = await ask("ada", "POST", "/chat", { message: "fail 429 rate_limit_error" });
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "7"]);
  });

  it("gives up upstream what its client has given up", async ({ expect }) => {
    const gone = new AbortController();
    const answer = await fetch(`${plane.origin}/a/claude-agent/@ada/chat`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ message: "hang", stream: true }),
      signal: gone.signal,
    });
    expect(answer.status).toBe(200);
    const hanging = api.last;
    expect((await chat("ada", "me too")).said.error.code).toBe("CONVERSATION_BUSY");
    gone.abort();
    await eventually(async () => hanging.isAborted);
    await eventually(async () => (await chat("ada", "and now?")).status === 200);
  });

  it("keeps each conversation to itself, over its sleep", async ({ expect }) => {
    await chat("bob", "I am Bob");
    expect((await chat("bob", "still?")).said.response).toBe("3: still?");
    const before = await instanceOf("bob");
    await plane.call("POST", `/applications/${application}/instances/${before?.id}/sleep`);
    await eventually(async () => (await workloads(before?.id)).length === 0);
    expect((await chat("bob", "and now?")).said.response).toBe("5: and now?");
    expect((await instanceOf("bob"))?.generation).toBeGreaterThan(before?.generation ?? 0);
    const usage = JSON.parse((await ask("bob", "GET", "/usage")).body);
    expect([usage.conversation, usage.total.requests]).toEqual(["bob", 3]);
    const { messages } = JSON.parse((await ask("ada", "GET", "/history")).body);
    expect(JSON.stringify(messages)).not.toContain("Bob");
  });

  it("lets its tools at its own things, and at nothing else", async ({ expect }) => {
    expect(await shell("ada", "id -u; pwd; touch mine; ls")).toBe("10001\n/work\nmine\n[exit code 0]");
    const get = (url: string) =>
      shell(
        "ada",
        `node -e 'fetch("${url}").then(async (a) => console.log(a.status, await a.text()), (e) => console.log("no", e.cause))'`,
      );
    expect(await get("https://example.com/")).toMatch(/^403 .*EGRESS_DENIED/);
    expect(await get("http://api.anthropic.com/v1/models")).toMatch(/^403 /);
    expect(await get("http://kv.gantry.internal/SAMPLES_KV/claude-agent/ada/conversation")).toMatch(/^200 .*Hello/);
    expect(await get("http://kv.gantry.internal/SAMPLES_KV/claude-agent/bob/conversation")).toMatch(
      /^403 .*NOT_GRANTED/,
    );
    const fetched = await chat("ada", 'tool fetch {"url":"https://example.com/"}', {
      tools: ["fetch"],
      approval: "auto",
    });
    expect(fetched.said.response).toContain("HTTP 403");
  });

  it("has left its key nowhere", async ({ expect }) => {
    const instance = await instanceOf("ada");
    const [container] = await workloads(instance?.id);
    const id = container?.id ?? "";
    const inside = await shell("ada", "env; cat /proc/*/environ /proc/*/cmdline; cat /app/server.js | grep -c sk-ant-");
    expect(inside).toContain("HOME=/work");
    const root = `/applications/${application}`;
    const paths = ["", "/events?per_page=1000", "/egress", "/egress/log", "/instances-v2", "/versions"];
    const everything = await Promise.all([
      Promise.resolve(inside),
      docker("inspect", id),
      docker("logs", id),
      docker("exec", id, "sh", "-c", "env; cat /proc/*/environ 2>/dev/null; cat /proc/1/maps > /dev/null || true"),
      docker("history", "--no-trunc", (await docker("inspect", "--format", "{{.Image}}", id)).trim()),
      ...paths.map(async (path) => JSON.stringify(await plane.call("GET", root + path))),
      ...["/logs", "/egress", "/bridge"].map(async (path) =>
        JSON.stringify(await plane.call("GET", `${root}/instances/${instance?.id}${path}`)),
      ),
      ...["/health", "/history", "/usage", "/"].map(async (path) => (await ask("ada", "GET", path)).body),
      plane.call("GET", "/secrets").then((answer) => JSON.stringify(answer)),
    ]);
    expect(everything.filter((text) => text.includes(KEY))).toEqual([]);
    expect(plane.logs.filter((line) => line.includes(KEY))).toEqual([]);
    expect(await matches(`docker export ${id}`)).toBe(0);
    // What is in the image is found.
    expect(await matches(`docker export ${id}`, "set-by-egress")).toBeGreaterThan(0);
    expect(await matches(`docker save $(docker inspect --format '{{.Image}}' ${id})`)).toBe(0);
  });
});

/** Lines of what a command prints, binary or not, that have the text in them. */
async function matches(command: string, text = KEY): Promise<number> {
  const { stdout } = await promisify(execFile)("sh", ["-c", `${command} | grep -a -c -F "$0" || true`, text]);
  return Number(stdout);
}
