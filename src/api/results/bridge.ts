/** What a container has said over the bridge. */
import * as z from "zod";
import { timestamp } from "./common.ts";

export const saidResult = z.strictObject({
  generation: z.int().describe("the placement that said it: the last that has said anything; 0 when none has"),
  heard_at: timestamp.nullable().describe("when it was last heard; heartbeats of the last minutes may be missing"),
  busy_until: timestamp.nullable().describe("until when it says that it is busy; null: it is not"),
  progress: z
    .strictObject({ at: timestamp, fraction: z.number().optional(), message: z.string().optional() })
    .nullable(),
  result: z.strictObject({ at: timestamp, value: z.json() }).nullable(),
  log: z
    .array(
      z.strictObject({
        at: timestamp,
        level: z.enum(["debug", "info", "warn", "error"]),
        message: z.string(),
        fields: z.record(z.string(), z.json()),
      }),
    )
    .describe("the last 64 KiB of lines, oldest first"),
  dropped_lines: z.int().describe("older lines, which are gone"),
});
