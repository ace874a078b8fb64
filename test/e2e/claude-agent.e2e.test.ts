/**
 * The Claude agent as its manifest says it, in real containers, with a stand-in of the Messages API behind the real name: its
 * key is outside of the container, its tools reach what egress allows, and its conversations outlive their containers.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import { MessagesApi } from "../../containers/claude-agent/testing/messages-api.ts";
import { AgentCaller } from "./agent-caller.ts";
import { ControlPlane, docker, eventually, workloads } from "./control-plane.ts";

const KEY = `sk-ant-${crypto.randomUUID()}`;
const plane = new ControlPlane();
const api = new MessagesApi(KEY);
let agent: AgentCaller;

beforeAll(async () => {
  const upstream = await api.start();
  await plane.start({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "api.anthropic.com": upstream }) });
  agent = await AgentCaller.create(plane);
});
afterAll(async () => {
  await plane.stop();
  await api.stop();
});
afterEach(({ task }) => {
  if (task.result?.state === "fail") plane.debug();
});

const instanceOf = async (conversation: string) => {
  const { result } = await plane.call("GET", `/applications/${agent.application}/instances-v2`);
  return (result as { id: string; name: string; generation: number }[]).find(({ name }) => name === conversation);
};

describe("the agent", () => {
  it("answers nobody without a token, and says how to get a key as long as there is none", async ({ expect }) => {
    expect((await plane.fetch("/a/claude-agent/@ada/health")).status).toBe(401);
    expect(await agent.hasKey("ada")).toBe(false);
    const { status, said } = await agent.chat("ada", "Hello");
    expect([status, said.error.code, api.received.length]).toEqual([503, "NO_API_KEY", 0]);
    await plane.call("POST", "/secrets", { name: "ANTHROPIC_API_KEY", value: KEY });
    await eventually(async () => (await agent.hasKey("ada")) === true);
  });

  it("chats with a key that it does not have, whole and in events", async ({ expect }) => {
    const { status, said, headers } = await agent.chat("ada", "Hello");
    expect([status, said, headers["agent-history"]]).toEqual([
      200,
      { response: "1: Hello", model: "claude-sonnet-5-5", usage: expect.objectContaining({ output_tokens: 5 }) },
      "kv",
    ]);
    expect(api.last.headers).toMatchObject({ authorization: `Bearer ${KEY}`, "x-forwarded-host": "api.anthropic.com" });
    const streamed = await agent.ask("ada", "POST", "/chat", { message: "again", stream: true });
    expect(streamed.headers["content-type"]).toBe("text/event-stream");
    const types = streamed.body.split("\n").flatMap((line) => (line.startsWith("event: ") ? [line.slice(7)] : []));
    expect(types.filter((type) => type !== "text")).toEqual(["start", "done"]);
    const limited = await agent.ask("ada", "POST", "/chat", { message: "fail 429 rate_limit_error" });
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "7"]);
  });

  it("keeps each conversation to itself, over its sleep", async ({ expect }) => {
    await agent.chat("bob", "I am Bob");
    expect((await agent.chat("bob", "still?")).said.response).toBe("3: still?");
    const before = await instanceOf("bob");
    await plane.call("POST", `/applications/${agent.application}/instances/${before?.id}/sleep`);
    await eventually(async () => (await workloads(before?.id)).length === 0);
    expect((await agent.chat("bob", "and now?")).said.response).toBe("5: and now?");
    expect((await instanceOf("bob"))?.generation).toBeGreaterThan(before?.generation ?? 0);
    const usage = JSON.parse((await agent.ask("bob", "GET", "/usage")).body);
    expect([usage.conversation, usage.total.requests]).toEqual(["bob", 3]);
    const { messages } = JSON.parse((await agent.ask("ada", "GET", "/history")).body);
    expect(JSON.stringify(messages)).not.toContain("Bob");
  });

  it("answers everybody in its pool, and remembers nobody there", async ({ expect }) => {
    const post = async (message: string) => {
      const body = JSON.stringify({ message });
      return await plane.ingress("claude-agent", "/chat", { method: "POST", headers: agent.headers, body });
    };
    const first = await post("one");
    expect([first.headers["agent-history"], JSON.parse(first.body).response]).toEqual(["none", "1: one"]);
    expect(JSON.parse((await post("two")).body).response).toBe("1: two");
    const health = await plane.ingress("claude-agent", "/health", { headers: agent.headers });
    expect(JSON.parse(health.body)).toMatchObject({ status: "healthy", hasApiKey: true });
  });

  it("lets its tools at its own things, and at nothing else", async ({ expect }) => {
    expect(await agent.shell("ada", "id -u; pwd; touch mine; ls")).toBe("10001\n/work\nmine\n[exit code 0]");
    const get = (url: string) =>
      agent.shell(
        "ada",
        `node -e 'fetch("${url}").then(async (a) => console.log(a.status, await a.text()), (e) => console.log("no", e.cause))'`,
      );
    expect(await get("https://example.com/")).toMatch(/^403 .*EGRESS_DENIED/);
    expect(await get("http://api.anthropic.com/v1/models")).toMatch(/^403 /);
    expect(await get("http://kv.gantry.internal/SAMPLES_KV/claude-agent/ada/conversation")).toMatch(/^200 .*Hello/);
    expect(await get("http://kv.gantry.internal/SAMPLES_KV/claude-agent/bob/conversation")).toMatch(
      /^403 .*NOT_GRANTED/,
    );
    const fetched = await agent.chat("ada", 'tool fetch {"url":"https://example.com/"}', {
      tools: ["fetch"],
      approval: "auto",
    });
    expect(fetched.said.response).toContain("HTTP 403");
  });

  it("leaves nothing running of a command, wherever that has gone", async ({ expect }) => {
    const own = 'for p in /proc/[0-9]*; do [ "$(stat -c %u $p 2>/dev/null)" = 10001 ] && cat $p/comm; done; true';
    const escape = 'require("child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref()';
    expect(await agent.shell("ada", `node -e '${escape}'; ${own}`)).toContain("sleep\n");
    const later = await agent.shell("ada", own);
    expect(later).toContain("sh\n");
    expect(later).not.toContain("sleep");
  });

  it("has left its key nowhere", async ({ expect }) => {
    const instance = await instanceOf("ada");
    const [container] = await workloads(instance?.id);
    const id = container?.id ?? "";
    const inside = await agent.shell(
      "ada",
      "env; cat /proc/*/environ /proc/*/cmdline; cat /app/server.js | grep -c sk-ant-",
    );
    expect(inside).toContain("HOME=/work");
    const root = `/applications/${agent.application}`;
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
      ...["/health", "/history", "/usage", "/"].map(async (path) => (await agent.ask("ada", "GET", path)).body),
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
