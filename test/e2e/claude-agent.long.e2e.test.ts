/**
 * A client of the Claude agent that goes away: on a control plane that fetches by itself, since what the test harness fetches
 * is not given up with it.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { MessagesApi } from "../../containers/claude-agent/testing/messages-api.ts";
import { AgentCaller } from "./agent-caller.ts";
import { ControlPlane, eventually } from "./control-plane.ts";

const KEY = `sk-ant-${crypto.randomUUID()}`;
const plane = new ControlPlane();
const api = new MessagesApi(KEY);
let agent: AgentCaller;

beforeAll(async () => {
  const upstream = await api.start();
  await plane.startByItself({ GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "api.anthropic.com": upstream }) });
  await plane.call("POST", "/secrets", { name: "ANTHROPIC_API_KEY", value: KEY });
  agent = await AgentCaller.create(plane);
});
afterAll(async () => {
  await plane.stop();
  await api.stop();
});

describe("a client that goes away", () => {
  it("has ended its chat, upstream too, and the conversation goes on", async ({ expect }) => {
    const gone = new AbortController();
    const answer = await fetch(`${plane.origin}/a/claude-agent/@ada/chat`, {
      method: "POST",
      headers: agent.headers,
      body: JSON.stringify({ message: "hang", stream: true }),
      signal: gone.signal,
    });
    expect(answer.status).toBe(200);
    const hanging = api.last;
    expect((await agent.chat("ada", "me too")).said.error.code).toBe("CONVERSATION_BUSY");
    gone.abort();
    await eventually(async () => hanging.isAborted);
    await eventually(async () => (await agent.chat("ada", "and now?")).said.response === "1: and now?");
  });
});
