/**
 * What the operator says, by environment variables; README.md lists them. Read once at the start: a wrong one ends the
 * process with a sentence that names it, and not the first chat.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isToolName, TOOL_NAMES, type ToolName } from "./tools/names.ts";
import { DEFAULT_MODELS, readPrices, type Prices } from "./models.ts";

export interface Settings {
  readonly port: number;
  readonly baseUrl: string;
  /** Of a process that runs alone. Inside Gantry there is none, whatever the environment says: egress sets the header. */
  readonly apiKey: string | null;
  readonly models: readonly string[];
  readonly prices: Prices;
  readonly system: string | null;
  readonly maxTokens: number;
  readonly maxTurns: number;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  readonly bodyBytes: number;
  readonly history: HistoryLimits;
  readonly tools: ToolSettings;
  readonly platform: PlatformSettings;
}

export interface HistoryLimits {
  readonly messages: number;
  readonly bytes: number;
}

export interface ToolSettings {
  readonly enabled: readonly ToolName[];
  readonly workDir: string;
  readonly approvalMs: number;
  readonly shellMs: number;
  readonly shellMemoryMb: number;
  /** Whom commands run as; null: as this process. */
  readonly shellUser: { readonly uid: number; readonly gid: number } | null;
  readonly fetchMs: number;
  readonly outputBytes: number;
}

export interface PlatformSettings {
  /** Null: this process runs alone. */
  readonly application: string | null;
  readonly instance: string | null;
  readonly controlUrl: string;
  /** Where conversations are kept, without a slash at its end; null: in memory. */
  readonly historyUrl: string | null;
  /** What a process that runs alone calls its one conversation. */
  readonly conversation: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function readSettings(env: Environment): Settings {
  const application = text(env, "GANTRY_APPLICATION", "") || null;
  const models = list(env, "AGENT_MODELS", DEFAULT_MODELS);
  return {
    port: number(env, "PORT", 8080, 0, 65_535),
    baseUrl: url(env, "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    apiKey: application === null ? text(env, "ANTHROPIC_API_KEY", "") || null : null,
    models,
    prices: readPrices(text(env, "AGENT_PRICES", "{}")),
    system: text(env, "AGENT_SYSTEM", "") || null,
    maxTokens: number(env, "AGENT_MAX_TOKENS", 4_096, 1, 128_000),
    maxTurns: number(env, "AGENT_MAX_TURNS", 16, 1, 200),
    maxRetries: number(env, "AGENT_MAX_RETRIES", 2, 0, 10),
    timeoutMs: number(env, "AGENT_TIMEOUT_MS", 600_000, 100, 3_600_000),
    bodyBytes: number(env, "AGENT_BODY_BYTES", 262_144, 1_024, 8_388_608),
    history: {
      messages: number(env, "AGENT_HISTORY_MESSAGES", 200, 2, 10_000),
      bytes: number(env, "AGENT_HISTORY_BYTES", 524_288, 1_024, 16_777_216),
    },
    tools: toolSettings(env),
    platform: {
      application,
      instance: text(env, "GANTRY_INSTANCE", "") || null,
      controlUrl: url(env, "AGENT_CONTROL_URL", "http://control.gantry.internal"),
      historyUrl: historyUrl(env, application),
      conversation: text(env, "AGENT_CONVERSATION", "local"),
    },
  };
}

function toolSettings(env: Environment): ToolSettings {
  return {
    enabled: list(env, "AGENT_TOOLS", TOOL_NAMES).map((name) => {
      if (isToolName(name)) return name;
      throw new Error(`AGENT_TOOLS: there is no tool ${name}; there are ${TOOL_NAMES.join(", ")}`);
    }),
    workDir: text(env, "AGENT_WORK_DIR", join(tmpdir(), `claude-agent-${process.pid}`)),
    approvalMs: number(env, "AGENT_APPROVAL_MS", 300_000, 10, 3_600_000),
    shellMs: number(env, "AGENT_SHELL_MS", 30_000, 10, 3_600_000),
    shellMemoryMb: number(env, "AGENT_SHELL_MEMORY_MB", 1_024, 16, 65_536),
    shellUser: userOf(text(env, "AGENT_SHELL_USER", "")),
    fetchMs: number(env, "AGENT_FETCH_MS", 30_000, 10, 600_000),
    outputBytes: number(env, "AGENT_OUTPUT_BYTES", 65_536, 256, 1_048_576),
  };
}

/** `AGENT_HISTORY_URL` empty: in memory, also inside Gantry. */
function historyUrl(env: Environment, application: string | null): string | null {
  const said = env["AGENT_HISTORY_URL"];
  if (said === "") return null;
  if (said === undefined && application === null) return null;
  return url(env, "AGENT_HISTORY_URL", "http://kv.gantry.internal/SAMPLES_KV/claude-agent");
}

function text(env: Environment, name: string, fallback: string): string {
  return env[name]?.trim() ?? fallback;
}

function list(env: Environment, name: string, fallback: readonly string[]): readonly string[] {
  const said = env[name];
  if (said === undefined) return fallback;
  const parts = said.split(",").map((part) => part.trim());
  const names = [...new Set(parts.filter((part) => part !== ""))];
  if (names.length === 0 && fallback === DEFAULT_MODELS) throw new Error(`${name}: must name at least one`);
  return names;
}

function number(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const said = env[name];
  if (said === undefined || said === "") return fallback;
  const value = Number(said);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${name}: must be a whole number from ${min} to ${max}; it is ${said}`);
}

function url(env: Environment, name: string, fallback: string): string {
  const said = text(env, name, fallback);
  if (!/^https?:\/\//.test(said) || !URL.canParse(said)) throw new Error(`${name}: must be an http or https URL`);
  return said.replace(/\/+$/, "");
}

function userOf(said: string): ToolSettings["shellUser"] {
  if (said === "") return null;
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(said) ?? [];
  if (uid === undefined || Number(uid) === 0) throw new Error("AGENT_SHELL_USER: must be <uid>:<gid>, and not root");
  return { uid: Number(uid), gid: Number(gid) };
}
