/**
 * A stand-in of the Messages API for tests, which cannot reach the real one: a real server that streams the same events. What
 * it answers is said by the message that it is sent, so that a test of the whole way can say it too:
 *
 * | message | answer |
 * | --- | --- |
 * | `tool <name> <input as JSON>` | a call of that tool, then the text of its result |
 * | `again <n> <command>` | so many shell calls, one after the other |
 * | `fail <status> <type>` | that error |
 * | `flaky <command>` | a shell call, then an overload, and when it is asked again the text of the result |
 * | `break` | a part of a text, then the connection ends |
 * | `late <type>` | a part of a text, then that error as an event |
 * | `hang` | a part of a text, then pings for ever |
 * | anything else | `<number of messages>: <message>` |
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: unknown;
  readonly is_error?: boolean;
}

export interface SentMessage {
  readonly role: "user" | "assistant";
  readonly content: string | readonly Block[];
}

export interface SentBody {
  readonly model: string;
  readonly max_tokens: number;
  readonly stream?: boolean;
  readonly system?: string;
  readonly messages: readonly SentMessage[];
  readonly tools?: readonly { readonly name: string }[];
  readonly tool_choice?: { readonly type: string };
}

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: SentBody;
  /** The client went away before the answer was over. */
  isAborted: boolean;
}

export class MessagesApi {
  readonly received: Received[] = [];
  readonly #server: Server;
  readonly #overloaded = new Set<string>();
  /** Others are answered with 401; null: none is asked for. */
  readonly #key: string | null;

  constructor(key: string | null = null) {
    this.#key = key;
    this.#server = createServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get last(): Received {
    const last = this.received.at(-1);
    if (last === undefined) throw new Error("nothing was asked");
    return last;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await json(request)) as SentBody;
    const received: Received = { path: request.url ?? "", headers: request.headers, body, isAborted: false };
    this.received.push(received);
    response.once("close", () => (received.isAborted = !response.writableFinished));
    if (request.method !== "POST" || received.path !== "/v1/messages") {
      return sendError(response, 404, "not_found_error");
    }
    if (this.#key !== null && request.headers.authorization !== `Bearer ${this.#key}`) {
      return sendError(response, 401, "authentication_error");
    }
    const asked = JSON.stringify(body.messages);
    if (asked.includes('"flaky ') && asked.includes("tool_result") && !this.#overloaded.has(asked)) {
      this.#overloaded.add(asked);
      return sendError(response, 529, "overloaded_error", { "retry-after-ms": "1" });
    }
    reply(body, response);
  }
}

function reply(body: SentBody, response: ServerResponse): void {
  const last = body.messages.at(-1)?.content ?? "";
  const results = typeof last === "string" ? [] : last.filter(({ type }) => type === "tool_result");
  const asked = textOf(body.messages.findLast(({ content }) => typeof content === "string")?.content ?? "");
  const [word = "", ...rest] = asked.split(" ");
  const [first = "", ...others] = rest;
  const canCall = body.tools !== undefined && body.tool_choice?.type !== "none";
  if (word === "fail") {
    const headers = first === "429" ? { "retry-after": "7" } : {};
    return sendError(response, Number(first), others[0] ?? "api_error", headers);
  }
  if (word === "break") {
    begin(response, body);
    text(response, 0, "a part");
    setImmediate(() => response.destroy());
    return;
  }
  if (word === "late") {
    begin(response, body);
    text(response, 0, "a part");
    event(response, "error", { error: { type: first, message: `a ${first} in the middle` } });
    response.end();
    return;
  }
  if (word === "hang") {
    begin(response, body);
    event(response, "content_block_start", { index: 0, content_block: { type: "text", text: "" } });
    event(response, "content_block_delta", { index: 0, delta: { type: "text_delta", text: "a part" } });
    // As the real one does, so that whoever is gone is found out.
    const pings = setInterval(() => event(response, "ping", {}), 50);
    response.once("close", () => clearInterval(pings));
    return;
  }
  if (canCall && word === "tool" && results.length === 0) {
    return call(response, body, first, JSON.parse(others.join(" ") || "{}") as object);
  }
  if (canCall && word === "flaky" && results.length === 0) {
    return call(response, body, "shell", { command: rest.join(" ") });
  }
  const turns = body.messages.length - 1 - body.messages.findLastIndex(({ content }) => typeof content === "string");
  if (canCall && word === "again" && turns / 2 < Number(first)) {
    return call(response, body, "shell", { command: others.join(" ") });
  }
  const said = results.map(
    ({ content, is_error: isError }) => `${isError === true ? "error: " : ""}${String(content)}`,
  );
  begin(response, body);
  text(response, 0, said.length > 0 ? said.join("\n") : `${body.messages.length}: ${asked}`);
  end(response, "end_turn", 5);
}

function textOf(content: string | readonly Block[]): string {
  return typeof content === "string" ? content : content.map((block) => block.text ?? "").join("");
}

function event(response: ServerResponse, type: string, data: object): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}

function begin(response: ServerResponse, { model, messages }: SentBody): void {
  response.writeHead(200, { "content-type": "text/event-stream", "request-id": "req_test" });
  const message = {
    id: `msg_${crypto.randomUUID()}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10 * messages.length, output_tokens: 1 },
  };
  event(response, "message_start", { message });
}

/** In two pieces. */
function text(response: ServerResponse, index: number, whole: string): void {
  const middle = Math.ceil(whole.length / 2);
  event(response, "content_block_start", { index, content_block: { type: "text", text: "" } });
  for (const part of [whole.slice(0, middle), whole.slice(middle)]) {
    event(response, "content_block_delta", { index, delta: { type: "text_delta", text: part } });
  }
  event(response, "content_block_stop", { index });
}

function call(response: ServerResponse, body: SentBody, name: string, input: object): void {
  begin(response, body);
  const block = { type: "tool_use", id: `toolu_${crypto.randomUUID()}`, name, input: {} };
  event(response, "content_block_start", { index: 0, content_block: block });
  const partial = JSON.stringify(input);
  event(response, "content_block_delta", { index: 0, delta: { type: "input_json_delta", partial_json: partial } });
  event(response, "content_block_stop", { index: 0 });
  end(response, "tool_use", 7);
}

function end(response: ServerResponse, reason: string, tokens: number): void {
  event(response, "message_delta", {
    delta: { stop_reason: reason, stop_sequence: null },
    usage: { output_tokens: tokens },
  });
  event(response, "message_stop", {});
  response.end();
}

function sendError(response: ServerResponse, status: number, type: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", "request-id": "req_test", ...headers });
  response.end(
    JSON.stringify({ type: "error", error: { type, message: `refused with ${status}` }, request_id: "req_test" }),
  );
}
