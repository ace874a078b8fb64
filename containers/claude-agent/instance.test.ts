/** The agent as an instance: whose conversation it is, where that is kept, and what happens when that cannot be done. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { AgentProcess } from "./testing/agent-process.ts";
import { Gantry } from "./testing/gantry.ts";
import { MessagesApi } from "./testing/messages-api.ts";

const api = new MessagesApi("set-by-egress");
let baseUrl: string;
let gantry: Gantry;
let env: Record<string, string>;
let running: AgentProcess[] = [];

beforeAll(async () => {
  baseUrl = (await api.start()).replace("127.0.0.1", "localhost");
});
afterAll(async () => await api.stop());
beforeEach(async () => {
  gantry = new Gantry();
  env = await gantry.start();
});
afterEach(async () => {
  await Promise.all(running.map((agent) => agent.stop()));
  running = [];
  await gantry.stop();
});

async function started(more: Record<string, string> = {}): Promise<AgentProcess> {
  const agent = await AgentProcess.start({ ...env, ANTHROPIC_BASE_URL: baseUrl, ...more });
  running.push(agent);
  return agent;
}

const codeOf = ({ status, body }: { status: number; body: { error?: { code: string } } }) => [status, body.error?.code];

describe("an instance", () => {
  it("sends no key of its own, whatever its environment has", async ({ expect }) => {
    const agent = await started({ ANTHROPIC_API_KEY: "sk-ant-by-mistake", ANTHROPIC_AUTH_TOKEN: "another" });
    expect((await agent.chat("Hello")).status).toBe(200);
    expect(api.last.headers.authorization).toBe("Bearer set-by-egress");
    expect(JSON.stringify(api.last.headers)).not.toMatch(/by-mistake|another/);
  });

  it("goes on with what the one before it was told", async ({ expect }) => {
    gantry.name = "a/b";
    const first = await started();
    const { headers } = await first.chat("one");
    expect(headers.get("agent-history")).toBe("kv");
    await first.stop();
    running = [];
    const second = await started();
    expect((await second.chat("two")).body.response).toBe("3: two");
    expect([...gantry.values.keys()]).toEqual(["/kv/a%252Fb/conversation"]);
    expect((await second.call("GET", "/usage")).body).toMatchObject({ conversation: "a/b", total: { requests: 2 } });
    expect((await second.call("DELETE", "/history")).status).toBe(204);
    expect(gantry.values.get("/kv/a%252Fb/conversation")).not.toContain("one");
  });

  it("of the pool remembers nobody, and has no tools", async ({ expect }) => {
    gantry.name = null;
    const agent = await started();
    const answers = await Promise.all(["one", "two", "three"].map((message) => agent.chat(message)));
    expect(answers.map(({ body }) => body.response)).toEqual(["1: one", "1: two", "1: three"]);
    expect((await agent.call("GET", "/history")).body).toMatchObject({
      conversation: null,
      kept: "none",
      messages: [],
    });
    expect(codeOf(await agent.chat("x", { tools: true }))).toEqual([409, "NEEDS_CONVERSATION"]);
    expect(gantry.values.size).toBe(0);
  });

  it("remembers by itself where it is granted no place", async ({ expect }) => {
    gantry.kvFails = { status: 403, code: "BINDING_NOT_GRANTED" };
    const agent = await started();
    await agent.chat("one");
    const { body, headers } = await agent.chat("two");
    expect([body.response, headers.get("agent-history")]).toEqual(["3: two", "memory"]);
  });

  it("does not begin anew, over what it cannot read", async ({ expect }) => {
    gantry.kvFails = { status: 500 };
    const agent = await started();
    const refused = await agent.chat("one");
    expect([...codeOf(refused), refused.headers.get("retry-after")]).toEqual([503, "CONVERSATION_UNAVAILABLE", "1"]);
    gantry.kvFails = null;
    expect((await agent.chat("two")).body.response).toBe("1: two");
  });

  it("gives the answer that it cannot write down, says so, and writes it later", async ({ expect }) => {
    const agent = await started();
    await agent.chat("one");
    gantry.kvFails = { status: 429 };
    const { status, headers } = await agent.chat("two");
    expect([status, headers.get("agent-history")]).toEqual([200, "unsaved"]);
    expect((await agent.call("GET", "/history")).body.kept).toBe("unsaved");
    gantry.kvFails = null;
    await agent.chat("three");
    expect((await agent.call("GET", "/history")).body.kept).toBe("kv");
    expect([...gantry.values.values()].join("")).toContain("two");
  });

  it("writes down what an exchange has used that came to nothing, and nothing where there was nothing", async ({
    expect,
  }) => {
    const agent = await started();
    expect((await agent.chat("fail 400 invalid_request_error")).status).toBe(400);
    expect(gantry.values.size).toBe(0);
    expect((await agent.chat("late api_error", { model: "claude-haiku-5-5" })).status).toBe(500);
    const [value = "{}"] = [...gantry.values.values()];
    expect(JSON.parse(value)).toMatchObject({ exchanges: [], usage: { "claude-haiku-5-5": { requests: 1 } } });
  });

  it("knows whether there is a key, and that it does not know", async ({ expect }) => {
    gantry.hasKey = false;
    const agent = await started();
    expect((await agent.call("GET", "/health")).body).toMatchObject({ instance: "claude-agent-0", hasApiKey: false });
    expect(codeOf(await agent.chat("x"))).toEqual([503, "NO_API_KEY"]);
    gantry.isControlDown = true;
    const other = await started();
    const { status, body } = await other.call("GET", "/health");
    expect([status, body.hasApiKey, body.reason]).toEqual([200, null, expect.stringContaining("500")]);
    expect(codeOf(await other.chat("x"))).toEqual([503, "CONVERSATION_UNAVAILABLE"]);
  });
});
