import type * as z from "zod";
import { iso } from "../../iso.ts";
import type { LogEntry } from "../../logs/entry.ts";
import type { logEntry } from "../results/logs.ts";

export function wireLogEntry(entry: LogEntry): z.input<typeof logEntry> {
  const { at, instance, generation, stream, level, status, message, sequence, isCut, attempt } = entry;
  return {
    time: iso(at),
    instance,
    generation,
    stream,
    level,
    status,
    message,
    sequence,
    ...(isCut ? { truncated: true } : {}),
    ...(attempt === null ? {} : { attempt }),
  };
}
