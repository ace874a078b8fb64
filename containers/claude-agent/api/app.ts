/** What the routes share: made once, of the settings. */
import Anthropic from "@anthropic-ai/sdk";
import { Approvals } from "../chat/approvals.ts";
import { Conversation } from "../conversation/conversation.ts";
import { ApiKey } from "../platform/api-key.ts";
import { Control } from "../platform/control.ts";
import type { Settings } from "../settings.ts";
import { ApiError } from "./errors.ts";

/** What the client sends as a key where it has none: egress puts the real one in its place. */
const PLACEHOLDER = "set-by-egress";

export interface App {
  readonly settings: Settings;
  readonly client: Anthropic;
  readonly approvals: Approvals;
  readonly apiKey: ApiKey;
  /** Read from where it is kept with the first call of it. */
  readonly conversation: () => Promise<Conversation>;
}

export function createApp(settings: Settings): App {
  const { platform, history, tools } = settings;
  const control = new Control(platform.controlUrl);
  let opening: Promise<Conversation> | null = null;
  const open = async () => {
    const name = platform.application === null ? platform.conversation : await control.name();
    return await Conversation.open(name, platform.historyUrl, history);
  };
  return {
    settings,
    client: new Anthropic({
      apiKey: settings.apiKey ?? PLACEHOLDER,
      authToken: null,
      baseURL: settings.baseUrl,
      maxRetries: settings.maxRetries,
      timeout: settings.timeoutMs,
      openTelemetry: false,
    }),
    approvals: new Approvals(tools.approvalMs),
    apiKey: new ApiKey(settings, control),
    conversation: async () => {
      opening ??= open();
      const asked = opening;
      try {
        return await asked;
      } catch (error) {
        // The next call asks again.
        if (opening === asked) opening = null;
        const message = error instanceof Error ? error.message : String(error);
        const headers = { "retry-after": "1" };
        throw new ApiError({ status: 503, code: "CONVERSATION_UNAVAILABLE", message, headers });
      }
    },
  };
}
