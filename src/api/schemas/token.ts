/** Bodies of token writes. */
import * as z from "zod";
import { SCOPES } from "../scopes.ts";
import { duration } from "./duration.ts";

const MAX_TTL_MS = 366 * 86_400_000;

export const createTokenSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .refine((text) => !/\p{Cc}/u.test(text), "must not contain control characters")
      .describe("What lists and audit rows show beside the token's id"),
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .max(SCOPES.length)
      .describe("What the token may do; each operation names the one that it takes"),
    applications: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(100)
      .optional()
      .describe("Ids or names of the applications that it reaches, others are not there for it; default: all"),
    expires_at: z.iso.datetime().optional().describe("When it stops working; default: never"),
    ttl: duration(1_000, MAX_TTL_MS).optional().describe("How long it works from its creation, in place of expires_at"),
    rate_limit: z
      .strictObject({
        requests_per_second: z.number().min(0.1).max(10_000).describe("Beyond it requests are refused with 429"),
      })
      .optional()
      .describe("Its own rate; default: 2,000 requests a second"),
  })
  .superRefine(({ expires_at, ttl, scopes, applications }, context) => {
    if (expires_at !== undefined && ttl !== undefined) {
      context.addIssue({ code: "custom", path: ["ttl"], message: "give either expires_at or ttl" });
    }
    if (applications !== undefined && scopes.includes("admin")) {
      const message = "a token of scope admin cannot be limited to applications";
      context.addIssue({ code: "custom", path: ["applications"], message });
    }
  });
