/** What a chat says of itself while it runs; each is an event of a stream. */
import type { ChatAnswer } from "./agent.ts";
import type { PendingApproval } from "./approvals.ts";

export type ChatEvent =
  /** The model has begun: once for each time that it is asked. */
  | { readonly type: "start"; readonly data: { readonly model: string } }
  | { readonly type: "text"; readonly data: { readonly text: string } }
  | {
      readonly type: "tool_use";
      readonly data: { readonly id: string; readonly name: string; readonly input: unknown };
    }
  | { readonly type: "approval"; readonly data: PendingApproval }
  | {
      readonly type: "tool_result";
      readonly data: { readonly id: string; readonly name: string; readonly text: string; readonly is_error: boolean };
    }
  | { readonly type: "done"; readonly data: ChatAnswer };
