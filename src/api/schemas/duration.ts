/** A field that takes a length of time, as people write it. */
import * as z from "zod";
import { parseDuration } from "../../duration.ts";

/** Seconds or `1h30m`, within bounds given in milliseconds. */
export function duration(minMs: number, maxMs: number) {
  const bounds = { "x-minimum-seconds": minMs / 1_000, "x-maximum-seconds": maxMs / 1_000 };
  const seconds = z.union([z.number(), z.string()]).superRefine((value, context) => {
    const ms = parseDuration(value);
    if (ms === null) {
      context.addIssue({ code: "custom", message: "must be a number of seconds or a duration such as 1h30m" });
    } else if (ms < minMs || ms > maxMs) {
      context.addIssue({ code: "custom", message: `must be between ${minMs / 1_000} s and ${maxMs / 1_000} s` });
    }
  });
  // The document's readers see bounds that a union has no keyword for.
  return seconds.meta(bounds);
}
