/** Bodies of the bridge, and what they become on their way to the Instance. Sizes are capped here. */
import * as z from "zod";

export const BRIDGE_LIMITS = {
  ttlMs: 3_600_000,
  messageLength: 4_096,
  /** As JSON, in bytes. */
  fieldsBytes: 8_192,
  resultBytes: 65_536,
  /** Of a function, as JSON in bytes. */
  answerBytes: 1_048_576,
  functionPathLength: 256,
} as const;

export const nothingSchema = z.strictObject({});

export const leaseSchema = z.strictObject({
  ttlMs: z.int("must be a whole number of milliseconds").min(1_000).max(BRIDGE_LIMITS.ttlMs),
});

export const progressSchema = z.strictObject({
  fraction: z.number().min(0).max(1).optional(),
  message: z.string().max(BRIDGE_LIMITS.messageLength).optional(),
});

export const resultSchema = z.strictObject({ result: json(BRIDGE_LIMITS.resultBytes) });

export const logSchema = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]),
  message: z.string().max(BRIDGE_LIMITS.messageLength),
  fields: json(BRIDGE_LIMITS.fieldsBytes).pipe(z.record(z.string(), z.json())).default({}),
});

export const enqueueSchema = z.strictObject({
  payload: z.json(),
  application: z.string().max(100).optional(),
  key: z.string().min(1).max(256).optional(),
  delayMs: z.int().min(0).optional(),
  mode: z.enum(["run", "http"]).optional(),
  /** Of a task that is posted. */
  path: z.string().optional(),
});

export const rpcSchema = z.strictObject({
  functionPath: z
    .string()
    .max(BRIDGE_LIMITS.functionPathLength)
    .refine((path) => path.trim() !== "", "must name a function"),
  args: z.json().default({}),
  kind: z.enum(["query", "mutation", "action"]).default("action"),
});

export type LogLine = z.output<typeof logSchema>;
export type Progress = z.output<typeof progressSchema>;
export type FunctionCall = z.output<typeof rpcSchema>;
export type Enqueued = z.output<typeof enqueueSchema>;

/** What an Instance is told. `identify` only asks whether it is who it says. */
export type BridgeMessage =
  | { readonly type: "identify" }
  | { readonly type: "payload" }
  | { readonly type: "heartbeat" }
  | { readonly type: "hold"; readonly ttlMs: number }
  | { readonly type: "release" }
  | { readonly type: "progress"; readonly progress: Progress }
  /** As JSON. */
  | { readonly type: "result"; readonly result: string }
  | { readonly type: "log"; readonly level: LogLine["level"]; readonly message: string; readonly fields: string };

export interface BridgeReply {
  /** What it is called by. */
  readonly name: string | null;
  /** Epoch ms until which it is busy, unless it says so again. */
  readonly heldUntil: number | null;
  /** Asked for its payload: the attempt that it is. */
  readonly attempt?: JobOfAttempt;
}

/** What an attempt of a job is told of itself. */
export interface JobOfAttempt {
  /** Its id. */
  readonly job: string;
  /** Of the job. */
  readonly name: string;
  readonly index: number;
  /** Completions of the job. */
  readonly count: number;
  readonly attempt: number;
  /** What the job was submitted with. */
  readonly payload: string | null;
}

function json(maxBytes: number) {
  return z.json().refine((value) => bytesOf(JSON.stringify(value)) <= maxBytes, `must be at most ${maxBytes} bytes`);
}

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
