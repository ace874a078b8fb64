/** One chat: asks the model, runs what it asks for, and asks again, until it has answered or has had its turns. */
import type Anthropic from "@anthropic-ai/sdk";
import type { Message, MessageParam, ToolResultBlockParam, ToolUseBlock } from "@anthropic-ai/sdk/resources/messages";
import type { Conversation } from "../conversation/conversation.ts";
import { addTokens, NO_TOKENS, tokensOf, type Tokens } from "../conversation/usage.ts";
import type { Settings } from "../settings.ts";
import { failed, type ToolResult } from "../tools/result.ts";
import { runTool, toolsFor } from "../tools/toolbox.ts";
import type { Approvals } from "./approvals.ts";
import type { ChatInput } from "./input.ts";
import type { ChatEvent } from "./events.ts";

export interface AgentDeps {
  readonly client: Anthropic;
  readonly settings: Settings;
  readonly conversation: Conversation;
  readonly approvals: Approvals;
  readonly onEvent: (event: ChatEvent) => void;
  readonly signal: AbortSignal;
}

export interface ChatAnswer {
  readonly response: string;
  readonly model: string;
  readonly usage: Tokens;
  /** Where it is none of the usual end. */
  readonly stop_reason?: string;
  /** Where there were any. */
  readonly tool_calls?: number;
}

export async function chat(input: ChatInput, deps: AgentDeps): Promise<ChatAnswer> {
  try {
    return await talk(input, deps);
  } catch (error) {
    // What it has used is written down also where nothing is remembered of it.
    await deps.conversation.saveUse();
    throw error;
  }
}

async function talk(input: ChatInput, deps: AgentDeps): Promise<ChatAnswer> {
  const { conversation, settings, onEvent } = deps;
  const exchange: MessageParam[] = [{ role: "user", content: input.message }];
  const before = conversation.messages;
  let usage = NO_TOKENS;
  let calls = 0;
  for (let turn = 0; ; turn += 1) {
    const isLast = turn >= settings.maxTurns;
    const reply = await ask(input, [...before, ...exchange], { isFirst: turn === 0, isLast }, deps);
    usage = addTokens(usage, tokensOf(reply.usage));
    if (reply.content.length > 0) exchange.push({ role: "assistant", content: reply.content });
    const wanted = reply.content.filter((block) => block.type === "tool_use");
    const isOver = reply.stop_reason !== "tool_use" || isLast;
    if (wanted.length > 0) {
      // Each call has its result, or the API takes none of what follows.
      exchange.push({ role: "user", content: await resultsOf(wanted, isOver, input, deps) });
      if (!isOver) calls += wanted.length;
    }
    if (!isOver) continue;
    await conversation.add(exchange);
    const answer = answerOf(reply, usage, calls);
    onEvent({ type: "done", data: answer });
    return answer;
  }
}

async function ask(
  input: ChatInput,
  messages: MessageParam[],
  { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
  { client, settings, conversation, onEvent, signal }: AgentDeps,
): Promise<Message> {
  const tools = toolsFor(input.tools);
  const stream = client.messages.stream(
    {
      model: input.model,
      max_tokens: input.maxTokens,
      messages,
      ...(settings.system === null ? {} : { system: settings.system }),
      ...(tools.length === 0 ? {} : { tools, ...(isLast ? { tool_choice: { type: "none" } } : {}) }),
    },
    // Before anything is done the caller hears at once, and decides; later its work would be lost.
    { signal, maxRetries: isFirst ? 0 : settings.maxRetries },
  );
  stream.on(
    "streamEvent",
    ({ type }) => type === "message_start" && onEvent({ type: "start", data: { model: input.model } }),
  );
  stream.on("text", (text) => onEvent({ type: "text", data: { text } }));
  let started: Message | undefined;
  stream.on("streamEvent", (_, snapshot) => (started = snapshot));
  try {
    const message = await stream.finalMessage();
    conversation.used(input.model, tokensOf(message.usage));
    return message;
  } catch (error) {
    // What was generated until then is paid for.
    if (started !== undefined) conversation.used(input.model, tokensOf(started.usage));
    throw error;
  }
}

/** One after the other: a command may need what the one before it has written. */
async function resultsOf(
  wanted: readonly ToolUseBlock[],
  isOver: boolean,
  input: ChatInput,
  deps: AgentDeps,
): Promise<ToolResultBlockParam[]> {
  const results: ToolResultBlockParam[] = [];
  for (const block of wanted) {
    deps.signal.throwIfAborted();
    const { text, isError } = isOver ? failed("not run: this chat is over") : await resultOf(block, input, deps);
    results.push({ type: "tool_result", tool_use_id: block.id, content: text, ...(isError ? { is_error: true } : {}) });
  }
  return results;
}

async function resultOf(block: ToolUseBlock, input: ChatInput, deps: AgentDeps): Promise<ToolResult> {
  const { id, name, input: given } = block;
  const { settings, approvals, onEvent, signal } = deps;
  onEvent({ type: "tool_use", data: { id, name, input: given } });
  let result: ToolResult;
  const verdict =
    input.approval === "ask"
      ? await approvals.ask({ name, input: given }, (data) => onEvent({ type: "approval", data }), signal)
      : "approved";
  if (verdict === "approved") result = await runTool({ name, input: given }, input.tools, settings, signal);
  else
    result = failed(verdict === "denied" ? "the user has denied this call" : "nobody has approved this call in time");
  onEvent({ type: "tool_result", data: { id, name, text: result.text, is_error: result.isError } });
  return result;
}

function answerOf(reply: Message, usage: Tokens, calls: number): ChatAnswer {
  const text = reply.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
  const { stop_reason: reason } = reply;
  return {
    response: text,
    model: reply.model,
    usage,
    ...(reason === null || reason === "end_turn" ? {} : { stop_reason: reason }),
    ...(calls === 0 ? {} : { tool_calls: calls }),
  };
}
