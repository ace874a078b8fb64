/** The real server as a process, and a stand-in of the Messages API behind it. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { AgentProcess, type SeenEvent } from "./testing/agent-process.ts";
import { MessagesApi } from "./testing/messages-api.ts";

const KEY = "sk-ant-test-0123456789";
const MODELS = "claude-sonnet-5-5,claude-haiku-5-5";
const PRICES = JSON.stringify({ "claude-sonnet-5-5": { input: 3, output: 15 } });
const api = new MessagesApi(KEY);
let upstream: string;
let agent: AgentProcess;

const started = async (env: Record<string, string> = {}) =>
  await AgentProcess.start({
    ANTHROPIC_BASE_URL: upstream,
    ANTHROPIC_API_KEY: KEY,
    AGENT_MODELS: MODELS,
    AGENT_PRICES: PRICES,
    ...env,
  });

beforeAll(async () => {
  upstream = await api.start();
  agent = await started();
});
afterAll(async () => {
  await agent.stop();
  await api.stop();
});

async function eventsOf(stream: AsyncGenerator<SeenEvent>): Promise<SeenEvent[]> {
  const events: SeenEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe("a chat", () => {
  it("is answered with response, model and usage", async ({ expect }) => {
    await agent.call("DELETE", "/history");
    const answer = await agent.chat("Hello");
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        response: "1: Hello",
        model: "claude-sonnet-5-5",
        usage: { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
      },
    ]);
    expect(api.last).toMatchObject({
      path: "/v1/messages",
      headers: { authorization: `Bearer ${KEY}` },
      body: { max_tokens: 4096 },
    });
    expect(api.last.body).not.toHaveProperty("tools");
  });

  it("goes on where it stopped, with another model too", async ({ expect }) => {
    await agent.call("DELETE", "/history");
    await agent.chat("one");
    const second = await agent.chat("two", { model: "claude-haiku-5-5" });
    expect(second.body).toMatchObject({ response: "3: two", model: "claude-haiku-5-5" });
    expect((await agent.call("GET", "/history")).body).toMatchObject({
      conversation: "local",
      kept: "memory",
      dropped: 0,
      messages: [
        { role: "user", content: "one" },
        { role: "assistant", content: [{ type: "text", text: "1: one" }] },
        { role: "user", content: "two" },
        { role: "assistant", content: [{ type: "text", text: "3: two" }] },
      ],
    });
    expect((await agent.call("DELETE", "/history")).status).toBe(204);
    expect((await agent.chat("three")).body.response).toBe("1: three");
  });

  it("comes as events where that is asked for", async ({ expect }) => {
    await agent.call("DELETE", "/history");
    const events = await eventsOf(agent.stream("Hello there"));
    expect(events.map(({ type }) => type)).toEqual(["start", "text", "text", "done"]);
    const texts = events.filter(({ type }) => type === "text").map(({ data }) => data.text);
    expect(texts.join("")).toBe("1: Hello there");
    expect(events.at(-1)?.data).toMatchObject({ response: "1: Hello there", model: "claude-sonnet-5-5" });
    const asked = await fetch(`${agent.base}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "x", stream: true }),
    });
    expect(asked.headers.get("content-type")).toBe("text/event-stream");
    await asked.text();
  });

  it("is refused while another one is under way, and goes on when that has been given up, upstream too", async ({
    expect,
  }) => {
    const gone = new AbortController();
    const stream = agent.stream("hang", {}, gone.signal);
    expect((await stream.next()).value?.type).toBe("start");
    const hanging = api.last;
    const busy = await agent.chat("and me?");
    expect([busy.status, busy.body.error.code]).toEqual([409, "CONVERSATION_BUSY"]);
    expect((await agent.call("DELETE", "/history")).status).toBe(409);
    gone.abort();
    await stream.next().catch(() => undefined);
    await vi.waitFor(() => expect(hanging.isAborted).toBe(true), { timeout: 10_000 });
    await vi.waitFor(async () => expect((await agent.chat("now")).status).toBe(200), { timeout: 10_000 });
    const { messages } = (await agent.call("GET", "/history")).body;
    expect(JSON.stringify(messages)).not.toContain("hang");
  });

  it("is given up upstream as well where its client goes away without having asked for events", async ({ expect }) => {
    const before = api.received.length;
    const outgoing = request(`${agent.base}/chat`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json" },
    });
    outgoing.on("error", () => undefined);
    outgoing.end(JSON.stringify({ message: "hang" }));
    await vi.waitFor(() => expect(api.received.length).toBe(before + 1), { timeout: 10_000 });
    const hanging = api.last;
    outgoing.destroy();
    await vi.waitFor(() => expect(hanging.isAborted).toBe(true), { timeout: 10_000 });
    await vi.waitFor(async () => expect((await agent.chat("now")).status).toBe(200), { timeout: 10_000 });
  });

  it("remembers the latest exchanges that fit, and says how many it has dropped", async ({ expect }) => {
    const small = await started({ AGENT_HISTORY_MESSAGES: "4" });
    try {
      for (const message of ["one", "two", "three"]) await small.chat(message);
      expect((await small.chat("four")).body.response).toBe("5: four");
      const { dropped, messages, limits } = (await small.call("GET", "/history")).body;
      expect([dropped, messages.length, messages[0].content, limits.messages]).toEqual([2, 4, "three", 4]);
    } finally {
      await small.stop();
    }
  });
});

describe("an error", () => {
  it.for([
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [429, "rate_limit_error"],
    [500, "api_error"],
    [529, "overloaded_error"],
  ] as const)("of the API keeps its status: %d", async ([status, type], { expect }) => {
    const { status: seen, body, headers } = await agent.chat(`fail ${status} ${type}`);
    expect([seen, body.error]).toEqual([status, { code: type, message: `refused with ${status}` }]);
    expect([headers.get("retry-after"), headers.get("request-id")]).toEqual([status === 429 ? "7" : null, "req_test"]);
    const streamed = await agent.chat(`fail ${status} ${type}`, { stream: true });
    expect(streamed.status).toBe(status);
  });

  it("in the middle of an answer is its status, or an event where there are events", async ({ expect }) => {
    const whole = await agent.chat("late overloaded_error");
    expect([whole.status, whole.body.error.code]).toEqual([529, "overloaded_error"]);
    const events = await eventsOf(agent.stream("late overloaded_error"));
    expect(events.at(-1)).toMatchObject({ type: "error", data: { status: 529, error: { code: "overloaded_error" } } });
    const broken = await agent.chat("break");
    expect([broken.status, broken.body.error.code]).toEqual([502, expect.stringMatching(/^UPSTREAM_/)]);
  });

  it("is heard of at once, and after a tool has run tried again", async ({ expect }) => {
    const patient = await started({ AGENT_MAX_RETRIES: "1" });
    try {
      const before = api.received.length;
      expect((await patient.chat("fail 529 overloaded_error")).status).toBe(529);
      expect(api.received.length).toBe(before + 1);
      const { body } = await patient.chat("flaky echo ran", { tools: ["shell"], approval: "auto" });
      expect([body.response, api.received.length]).toEqual(["ran\n[exit code 0]", before + 4]);
    } finally {
      await patient.stop();
    }
  });

  it("is 502 where nobody answers", async ({ expect }) => {
    const lonely = await started({ ANTHROPIC_BASE_URL: "http://127.0.0.1:1" });
    try {
      const { status, body } = await lonely.chat("x");
      expect([status, body.error.code]).toEqual([502, "UPSTREAM_UNREACHABLE"]);
    } finally {
      await lonely.stop();
    }
  });

  it("of egress says why the API was not reached", async ({ expect }) => {
    const reason = "api.anthropic.com could not be reached";
    const egress = createServer((_request, response) => {
      response.writeHead(502, { "content-type": "application/json", "gantry-error": "EGRESS_UPSTREAM_FAILED" });
      response.end(JSON.stringify({ success: false, errors: [{ message: "{}", details: { reason } }] }));
    });
    await new Promise<void>((resolve) => egress.listen(0, "127.0.0.1", resolve));
    const { port } = egress.address() as AddressInfo;
    const kept = await started({ ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` });
    try {
      const { status, body } = await kept.chat("x");
      const message = `the request did not reach the Messages API: ${reason}`;
      expect([status, body.error]).toEqual([502, { code: "EGRESS_UPSTREAM_FAILED", message }]);
    } finally {
      await kept.stop();
      egress.close();
    }
  });

  it("names what is wrong with a body", async ({ expect }) => {
    const fieldsOf = async (body: unknown) => {
      const answer = await agent.call("POST", "/chat", body);
      return [answer.status, Object.keys(answer.body.error.details?.fields ?? {})];
    };
    expect(await fieldsOf({})).toEqual([400, ["message"]]);
    expect(await fieldsOf({ message: " " })).toEqual([400, ["message"]]);
    expect(await fieldsOf([])).toEqual([400, ["body"]]);
    expect(
      await fieldsOf({ message: "x", model: 1, stream: "yes", tools: ["rm"], approval: "maybe", other: 1 }),
    ).toEqual([400, ["stream", "model", "tools", "approval", "other"]]);
    expect(await fieldsOf({ message: "x", max_tokens: 0 })).toEqual([400, ["max_tokens"]]);
    const unknown = await agent.chat("x", { model: "claude-3-5-sonnet-20241022" });
    expect([unknown.status, unknown.body.error.code, unknown.body.error.details.models]).toEqual([
      400,
      "UNKNOWN_MODEL",
      MODELS.split(","),
    ]);
  });

  it.for([
    ["{", "application/json", 400, "INVALID_INPUT"],
    ["", "application/json", 400, "INVALID_INPUT"],
    ['{"message":"x"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"],
    [JSON.stringify({ message: "x".repeat(300_000) }), "application/json", 413, "BODY_TOO_LARGE"],
  ] as const)("is said of a body that cannot be read: %#", async ([body, type, status, code], { expect }) => {
    const answer = await fetch(`${agent.base}/chat`, { method: "POST", body, headers: { "content-type": type } });
    const said = await answer.text();
    expect([answer.status, JSON.parse(said).error.code]).toEqual([status, code]);
  });

  it("is 413 for a body of no known length that grows too large", async ({ expect }) => {
    const outgoing = request(`${agent.base}/chat`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
    });
    outgoing.on("error", () => undefined);
    for (let index = 0; index < 10; index += 1) outgoing.write("x".repeat(60_000));
    const [answer] = await once(outgoing, "response");
    expect(answer.statusCode).toBe(413);
    outgoing.destroy();
  });

  it.for([
    ["GET", "/chat", "POST"],
    ["POST", "/health", "GET, HEAD"],
    ["PUT", "/history", "GET, HEAD, DELETE"],
    ["GET", "/approvals/x", "POST"],
  ] as const)("is 405 with what may be asked: %s %s", async ([method, path, allow], { expect }) => {
    const answer = await agent.call(method, path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  });
});

describe("the agent", () => {
  it("says that it is healthy, and that it has a key", async ({ expect }) => {
    const health = (await agent.call("GET", "/health")).body;
    expect(health).toEqual({
      status: "healthy",
      worker: "claude-agent",
      instance: null,
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      hasApiKey: true,
    });
    expect((await fetch(`${agent.base}/health`, { method: "HEAD" })).status).toBe(200);
  });

  it("without a key says so, and how to give it one", async ({ expect }) => {
    const keyless = await started({ ANTHROPIC_API_KEY: "" });
    try {
      const before = api.received.length;
      expect((await keyless.call("GET", "/health")).body.hasApiKey).toBe(false);
      const { status, body } = await keyless.chat("x");
      expect([status, body.error.code]).toEqual([503, "NO_API_KEY"]);
      expect(body.error.message).toContain("gantry -- secrets set ANTHROPIC_API_KEY");
      expect(api.received.length).toBe(before);
    } finally {
      await keyless.stop();
    }
  });

  it("lists what there is to ask for, and 404 for all else", async ({ expect }) => {
    const page = (await agent.call("GET", "/")).body;
    expect(Object.keys(page.endpoints)).toContain("POST /chat");
    expect(page.models).toEqual(MODELS.split(","));
    expect((await agent.call("GET", "/nothing")).status).toBe(404);
    const { hostname, port } = new URL(agent.base);
    const outgoing = request({ host: hostname, port, path: "//" }).end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(404);
  });

  it("counts tokens by model, and costs where prices are known", async ({ expect }) => {
    const own = await started();
    try {
      await own.chat("one");
      expect((await own.call("GET", "/usage")).body).toEqual({
        conversation: "local",
        models: {
          "claude-sonnet-5-5": {
            requests: 1,
            input_tokens: 10,
            output_tokens: 5,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            cost_usd: 0.000105,
          },
        },
        total: expect.objectContaining({ requests: 1, cost_usd: 0.000105 }),
        unpriced: [],
      });
      await own.chat("two", { model: "claude-haiku-5-5" });
      // What was generated before it broke off is paid for too.
      await own.chat("late api_error");
      await own.call("DELETE", "/history");
      const { total, unpriced } = (await own.call("GET", "/usage")).body;
      expect([total.requests, total.cost_usd, unpriced]).toEqual([3, null, ["claude-haiku-5-5"]]);
    } finally {
      await own.stop();
    }
  });

  it.for([
    ["AGENT_MODELS", ","],
    ["AGENT_PRICES", '{"a": 1}'],
    ["AGENT_TOOLS", "format_disk"],
    ["AGENT_SHELL_USER", "0:0"],
    ["PORT", "many"],
  ] as const)("does not start with a wrong %s, and names it", async ([name, value], { expect }) => {
    const { readSettings } = await import("./settings.ts");
    expect(() => readSettings({ [name]: value })).toThrow(name);
  });

  it("has said nothing of its key or of what was talked about in its log", async ({ expect }) => {
    await agent.chat("a very private matter");
    await vi.waitFor(() => expect(agent.log).toContain('"message":"chat"'), { timeout: 10_000 });
    expect(agent.log).not.toContain(KEY);
    expect(agent.log).not.toContain("private matter");
  });
});
