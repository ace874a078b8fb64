import { describe, it } from "vitest";
import { createClient } from "../../src/sdk/client/index.ts";
import type { Io } from "../io.ts";
import { tellLogs, type LogFlags } from "./logs.ts";

const line = (message: string, at: number) => ({
  time: new Date(at).toISOString(),
  instance: "0123456789abcdef",
  generation: 1,
  stream: "stdout",
  level: "info",
  status: null,
  message,
  sequence: at,
});

async function told(answer: () => Response, flags: LogFlags) {
  const said = { out: "", err: "", asked: "" };
  const io: Io = {
    env: {},
    cwd: "/",
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    stdin: async () => "",
    now: () => 0,
    sleep: async () => undefined,
  };
  const reach = async (request: Request) => {
    said.asked = decodeURIComponent(new URL(request.url).search);
    return answer();
  };
  const client = createClient({ baseUrl: "http://gantry.test", token: "t", fetch: reach });
  return { code: await tellLogs(io, client, "web", flags), ...said };
}

describe("gantry logs", () => {
  it("prints the lines in their order, and who has none", async ({ expect }) => {
    const result = {
      entries: [line("second", 2), line("first", 1)],
      unavailable: [{ instance: "fedc", cause: "no_init", message: "no init" }],
    };
    const flags = { level: "warn", status: "5xx", since: "15m", instance: "a", limit: "2", contains: "x y" };
    const answer = () => Response.json({ success: true, errors: [], messages: [], result });
    const { asked, ...said } = await told(answer, flags);
    expect(said).toEqual({
      code: 0,
      out: "1970-01-01T00:00:00.001Z 01234567 first\n1970-01-01T00:00:00.002Z 01234567 second\n",
      err: "no logs of fedc: no init\n",
    });
    expect(Object.fromEntries(new URLSearchParams(asked))).toEqual(flags);
    const json = await told(answer, { json: true });
    expect(
      json.out
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text)),
    ).toEqual(result.entries.toReversed());
  });

  it("follows them to the end, wherever the stream is cut in pieces", async ({ expect }) => {
    const text = [
      "retry: 2000",
      `event: LogEntry\ndata: ${JSON.stringify(line("über", 1))}`,
      ": keep-alive",
      `event: InstanceEnded\ndata: {"instance":"0123"}\nid: x`,
      `event: StreamEnded\ndata: {"reason":"over"}\n\n`,
    ].join("\n\n");
    const bytes = new TextEncoder().encode(text);
    const body = () =>
      new ReadableStream({
        start(controller) {
          for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
          controller.close();
        },
      });
    const answer = () => new Response(body(), { headers: { "content-type": "text/event-stream" } });
    expect(await told(answer, { follow: true })).toEqual({
      code: 0,
      asked: "?follow=true",
      out: "1970-01-01T00:00:00.001Z 01234567 über\n",
      err: "instance 0123 has ended\nover\n",
    });
  });
});
