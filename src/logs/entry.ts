/** What a line of a log means: its level, and the HTTP status that it is about. Pure. */
import type { LogStream, RingLine } from "./ring.ts";

export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type Level = (typeof LEVELS)[number];

export interface LogEntry {
  readonly at: number;
  /** The public id of the instance. */
  readonly instance: string;
  readonly generation: number;
  readonly stream: LogStream;
  readonly sequence: number;
  readonly level: Level;
  readonly status: number | null;
  readonly message: string;
  readonly isCut: boolean;
  /** Of a job: the number of its attempt. */
  readonly attempt: number | null;
}

const WORDS: Readonly<Record<string, Level>> = {
  trace: "trace",
  verbose: "trace",
  silly: "trace",
  debug: "debug",
  info: "info",
  information: "info",
  notice: "info",
  log: "info",
  warn: "warn",
  warning: "warn",
  err: "error",
  error: "error",
  fatal: "fatal",
  critical: "fatal",
  crit: "fatal",
  alert: "fatal",
  emerg: "fatal",
  emergency: "fatal",
  panic: "fatal",
};

/** `ERROR …`, `[error] …`, `error: …`, also after a time as loggers write it. */
const LEADING =
  /^(?:[[(]?[\d:.,/TZ+ -]{8,40}[\])]?\s+)?(?:[[<(]([A-Za-z]{3,11})[\])>]|([A-Z]{3,11})\b|([A-Za-z]{3,11}):)/;
const LOGFMT = /(?:^|\s)(?:level|lvl|severity)="?([A-Za-z]{3,11})"?(?:\s|$)/;
/** As web servers write it: `"GET / HTTP/1.1" 200`. */
const ACCESS_LOG = /"[A-Z]{3,10} [^"]* HTTP\/[\d.]+" ([1-5]\d\d)(?: |$)/;
const STATUS_KEYS = ["status", "statusCode", "status_code", "http_status"] as const;

export function entryOf(line: RingLine, instance: string, generation: number): LogEntry {
  const { at, stream, sequence, text, isCut } = line;
  const fields = fieldsOf(text);
  return {
    at,
    instance,
    generation,
    stream,
    sequence,
    level: (fields === null ? levelOfText(text) : levelOfFields(fields)) ?? levelOfStream(stream),
    status: fields === null ? statusOfText(text) : statusOfFields(fields),
    message: text,
    isCut,
    attempt: null,
  };
}

/** The object that a line is; null: it is none. */
function fieldsOf(text: string): Record<string, unknown> | null {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function levelOfFields({ level, severity, lvl }: Record<string, unknown>): Level | undefined {
  for (const value of [level, severity, lvl]) {
    if (typeof value === "string") return WORDS[value.toLowerCase()];
    // Pino and Bunyan: 10 to 60.
    if (typeof value === "number" && value >= 10 && value <= 60) return LEVELS[Math.floor(value / 10) - 1];
  }
  return undefined;
}

function levelOfText(text: string): Level | undefined {
  const [, bracketed, upper, named] = LEADING.exec(text) ?? [];
  const word = bracketed ?? upper ?? named ?? LOGFMT.exec(text)?.[1];
  return word === undefined ? undefined : WORDS[word.toLowerCase()];
}

/** Who says nothing else writes to the stream of errors what is one. */
function levelOfStream(stream: LogStream): Level {
  return stream === "stderr" ? "error" : "info";
}

function statusOfFields(fields: Record<string, unknown>): number | null {
  const { res, response } = fields as Record<string, Record<string, unknown> | undefined>;
  for (const holder of [fields, res, response]) {
    if (typeof holder !== "object" || holder === null) continue;
    const found = STATUS_KEYS.map((key) => Number(holder[key])).find(isStatus);
    if (found !== undefined) return found;
  }
  return null;
}

function statusOfText(text: string): number | null {
  const status = Number(ACCESS_LOG.exec(text)?.[1]);
  return isStatus(status) ? status : null;
}

function isStatus(value: number): boolean {
  return Number.isInteger(value) && value >= 100 && value <= 599;
}
