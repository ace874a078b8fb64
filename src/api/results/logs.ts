/** Lines that containers have printed. */
import * as z from "zod";
import { NO_LOGS } from "../../logs/ring.ts";
import { LEVELS } from "../../logs/entry.ts";
import { timestamp } from "./common.ts";

export const logEntry = z.strictObject({
  time: timestamp.describe("when it was printed, to 10 ms; of an attempt of a job: when that ended"),
  instance: z.string().describe("id of the instance"),
  generation: z.int().describe("the placement that printed it"),
  stream: z.enum(["stdout", "stderr"]),
  level: z.enum(LEVELS).describe("as the line says; else info on stdout and error on stderr"),
  status: z.int().nullable().describe("the HTTP status that the line is about"),
  message: z.string().describe("the line, at most 16 KiB of it"),
  sequence: z
    .int()
    .describe("number of the line in its stream, from 1 on; empty lines beyond three in a row have none"),
  truncated: z.boolean().optional().describe("the line was longer"),
  attempt: z.int().optional().describe("of a job: the attempt that printed it"),
});

export const logsResult = z.strictObject({
  entries: z.array(logEntry),
  unavailable: z
    .array(z.strictObject({ instance: z.string(), cause: z.enum(NO_LOGS), message: z.string() }))
    .describe("instances that live, whose logs cannot be read, and why"),
});
