/** Bodies of token writes. */
import * as z from "zod";
import { SCOPES } from "../scopes.ts";
import { duration } from "./duration.ts";

const MAX_TTL_MS = 366 * 86_400_000;

export const createTokenSchema = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
    /** Ids or names; without it the token reaches all applications. */
    applications: z.array(z.string().min(1).max(100)).min(1).max(100).optional(),
    expires_at: z.iso.datetime().optional(),
    ttl: duration(1_000, MAX_TTL_MS).optional(),
    rate_limit: z.strictObject({ requests_per_second: z.number().min(0.1).max(10_000) }).optional(),
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
