/** Answers about secrets: never a value. */
import * as z from "zod";
import { timestamp } from "./common.ts";

export const secretResult = z.strictObject({
  name: z.string(),
  version: z.int().min(1).describe("grows by one with each write of the value"),
  created_at: timestamp,
  updated_at: timestamp,
});

export const resealResult = z.strictObject({
  resealed: z
    .int()
    .min(0)
    .describe("how many sealed texts are under the first key of GANTRY_MASTER_KEY now and were not"),
  unreadable: z.array(z.string()).describe("what no key of GANTRY_MASTER_KEY opens"),
});

export const storeResult = z.strictObject({
  id: z.string(),
  name: z.string(),
  account_id: z.string(),
  created: timestamp,
  modified: timestamp,
});

export const storeSecretResult = z.strictObject({
  id: z.string(),
  name: z.string(),
  comment: z.string(),
  scopes: z.array(z.string()),
  store_id: z.string(),
  status: z.literal("active"),
  created: timestamp,
  modified: timestamp,
});
