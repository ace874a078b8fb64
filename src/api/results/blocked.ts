/** Why something that is wanted is not there. */
import * as z from "zod";
import { timestamp } from "./common.ts";

export const blockedResult = z
  .strictObject({
    reason: z.enum([
      "NoLocationAllowed",
      "NoLocationEnabled",
      "NoCapacity",
      "MaxInstances",
      "StartRate",
      "LocationUnsatisfied",
    ]),
    message: z.string(),
    since: timestamp,
    shortfall: z
      .record(z.string(), z.number())
      .optional()
      .describe("what one more needed beyond what was left when it was blocked, by resource"),
    retry_at: timestamp.nullable().describe("null: not before something changes"),
  })
  .describe("why instances that are wanted are not placed");
