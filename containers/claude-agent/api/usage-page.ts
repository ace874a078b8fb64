/** `GET /`: what there is to ask for. */
import type { Settings } from "../settings.ts";

export function usagePage({ models, maxTokens, tools }: Settings) {
  return {
    name: "claude-agent",
    description: "Chats with Claude, one instance for each conversation, with tools in a sandbox of its own",
    endpoints: {
      "GET /health": "whether it runs, and whether there is an API key",
      "POST /chat": "{message, model?, max_tokens?, stream?, tools?, approval?} answers {response, model, usage}",
      "GET /history": "what the conversation remembers",
      "DELETE /history": "forgets it",
      "GET /usage": "tokens and cost of the conversation",
      "GET /approvals": "tool calls that wait for a yes or no",
      "POST /approvals/{id}": "{approve: true | false}",
    },
    conversations: "call an instance by name: /a/<application>/@<conversation>/chat",
    models,
    max_tokens: maxTokens,
    tools: tools.enabled,
    approval: ["ask", "auto", "none"],
  };
}
