/** The body of `POST /chat`: checked as a whole, so that one answer names every field that is wrong. */
import { ApiError, invalid } from "../api/errors.ts";
import type { Settings } from "../settings.ts";
import { isToolName, type ToolName } from "../tools/names.ts";

export const APPROVALS = ["ask", "auto", "none"] as const;
export type Approval = (typeof APPROVALS)[number];

export interface ChatInput {
  readonly message: string;
  readonly model: string;
  readonly maxTokens: number;
  readonly isStream: boolean;
  /** That the model is told of. */
  readonly tools: readonly ToolName[];
  readonly approval: Approval;
}

const FIELDS: ReadonlySet<string> = new Set(["message", "model", "stream", "tools", "approval", "max_tokens"]);

/** `tools`: `true` for all that there are, or their names. Without `approval` somebody is asked before each runs. */
export function chatInput(body: unknown, settings: Pick<Settings, "models" | "maxTokens" | "tools">): ChatInput {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalid({ body: "must be a JSON object" });
  const given = body as Readonly<Record<string, unknown>>;
  const { message, model = settings.models[0], stream = false, tools = false, approval, max_tokens: max } = given;
  const { enabled } = settings.tools;
  const names = tools === true ? enabled : tools === false ? [] : tools;
  const wrong: Record<string, string> = {};
  if (message === undefined) wrong["message"] = "is required";
  else if (typeof message !== "string" || message.trim() === "") wrong["message"] = "must be a text that is not empty";
  if (typeof stream !== "boolean") wrong["stream"] = "must be true or false";
  if (typeof model !== "string") wrong["model"] = "must be the name of a model";
  if (!Array.isArray(names) || !names.every((name) => isEnabled(name, enabled))) {
    wrong["tools"] = `must be true, false or a list of ${enabled.join(", ") || "nothing: no tool is enabled"}`;
  }
  if (approval !== undefined && !(APPROVALS as readonly unknown[]).includes(approval)) {
    wrong["approval"] = `must be one of ${APPROVALS.join(", ")}`;
  }
  if (max !== undefined && !(Number.isInteger(max) && Number(max) >= 1 && Number(max) <= settings.maxTokens)) {
    wrong["max_tokens"] = `must be a whole number from 1 to ${settings.maxTokens}`;
  }
  for (const field of Object.keys(given)) if (!FIELDS.has(field)) wrong[field] = "is no field of a chat";
  if (Object.keys(wrong).length > 0) throw invalid(wrong);
  if (!settings.models.includes(model as string)) throw unknownModel(model as string, settings.models);
  const mode = (approval ?? "ask") as Approval;
  return {
    message: message as string,
    model: model as string,
    maxTokens: (max ?? settings.maxTokens) as number,
    isStream: stream as boolean,
    tools: mode === "none" ? [] : (names as ToolName[]),
    approval: mode,
  };
}

function isEnabled(name: unknown, enabled: readonly ToolName[]): boolean {
  return typeof name === "string" && isToolName(name) && enabled.includes(name);
}

function unknownModel(model: string, models: readonly string[]): ApiError {
  return new ApiError({
    status: 400,
    code: "UNKNOWN_MODEL",
    message: `model ${model.slice(0, 100)} is not one that may be asked; there are ${models.join(", ")}`,
    details: { fields: { model: "is not one of models" }, models },
  });
}
