/** `POST /chat`: one answer, or events while it comes to be. Who goes away before has ended it, upstream too. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { chat } from "../chat/agent.ts";
import type { ChatEvent } from "../chat/events.ts";
import { chatInput, type ChatInput } from "../chat/input.ts";
import { noApiKey, upstreamError } from "../chat/upstream-error.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { App } from "./app.ts";
import { readJson } from "./body.ts";
import { ApiError, errorBody } from "./errors.ts";
import { EventStream, sendJson } from "./respond.ts";

export async function chatRoute(app: App, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { settings } = app;
  const input = chatInput(await readJson(request, settings.bodyBytes), settings);
  const { isThere, reason } = await app.apiKey.state();
  if (isThere === false) throw noApiKey(reason);
  const conversation = await app.conversation();
  if (conversation.name === null && input.tools.length > 0) throw needsConversation();
  await conversation.alone(async () => await talk(app, conversation, input, request, response));
}

async function talk(
  { settings, client, approvals }: App,
  conversation: Conversation,
  input: ChatInput,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isStream = input.isStream || (request.headers.accept ?? "").includes("text/event-stream");
  const events = new EventStream(response, headersOf(conversation));
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once("close", onClose);
  if (response.destroyed) gone.abort();
  const startedAt = performance.now();
  const log = (fields: object) => {
    const ms = Math.round(performance.now() - startedAt);
    console.log(JSON.stringify({ level: "info", message: "chat", model: input.model, ms, ...fields }));
  };
  try {
    const onEvent = ({ type, data }: ChatEvent) => isStream && events.send(type, data);
    const answer = await chat(input, { client, settings, conversation, approvals, onEvent, signal: gone.signal });
    log({ status: 200, usage: answer.usage });
    if (isStream) events.end();
    else sendJson(response, 200, answer, headersOf(conversation));
  } catch (error) {
    if (gone.signal.aborted) return log({ status: 499 });
    const known = upstreamError(error);
    log({ status: known?.answer.status ?? 500, code: known?.answer.code ?? "INTERNAL" });
    if (!events.hasBegun || known === null) throw known ?? error;
    events.send("error", { status: known.answer.status, ...errorBody(known.answer) });
    events.end();
  } finally {
    response.off("close", onClose);
  }
}

function headersOf({ kept }: Conversation): Record<string, string> {
  return { "agent-history": kept };
}

function needsConversation(): ApiError {
  return new ApiError({
    status: 409,
    code: "NEEDS_CONVERSATION",
    message:
      "tools have a folder of their own, and this is the pool that answers everybody: " +
      "call a conversation by name, /a/<application>/@<conversation>/chat",
  });
}
