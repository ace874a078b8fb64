/** Answers about egress. */
import * as z from "zod";
import { timestamp } from "./common.ts";

const rule = z.union([
  z.string(),
  z.strictObject({ host: z.string(), ports: z.array(z.int()).optional(), methods: z.array(z.string()).optional() }),
]);

/** A policy as it was normalised; what is at its default is not in it. */
export const egressResult = z.strictObject({
  default: z.enum(["deny", "allow"]),
  allow: z.array(rule).optional(),
  deny: z.array(rule).optional(),
  intercept_https: z.literal(false).optional(),
  open: z.literal(true).optional(),
  credentials: z
    .array(
      z.strictObject({
        hosts: z.array(z.string()),
        header: z.string(),
        prefix: z.string().optional(),
        secret: z.string().describe("the secret's name; its value is never shown"),
        optional: z.literal(true).optional(),
        methods: z.array(z.string()).optional(),
        paths: z.array(z.string()).optional(),
      }),
    )
    .optional(),
  handlers: z
    .array(z.strictObject({ hosts: z.array(z.string()), methods: z.array(z.string()).optional(), binding: z.string() }))
    .optional(),
  internal: z.array(z.string()).optional(),
  bindings: z
    .array(
      z.strictObject({
        type: z.enum(["r2", "kv", "do"]),
        binding: z.string(),
        prefix: z.string(),
        access: z.enum(["read", "write"]),
      }),
    )
    .optional(),
  registry: z.array(z.string()).optional(),
});

export const usageResult = z.strictObject({
  requests: z.int().min(0).describe("requests to hosts, denied ones among them; up to a minute of them may be lost"),
  denied: z.int().min(0),
  bytes_up: z.int().min(0).describe("of bodies, to hosts"),
  bytes_down: z.int().min(0).describe("of bodies, from hosts"),
});

export const egressDenialResult = z.strictObject({
  instance: z.string().describe("the instance's `id`"),
  host: z.string(),
  method: z.string(),
  reason: z.enum(["denied", "not_allowed", "private_address", "https_off", "credential_scope", "malformed"]),
  rule: z.string().describe("what of the policy denies it"),
  message: z.string(),
  count: z.int().min(1),
  first_at: timestamp,
  last_at: timestamp,
});

const override = z.strictObject({
  set: z.array(z.string()).nullable().describe("in place of the policy's list; null: the policy's"),
  added: z.array(z.string()),
  removed: z.array(z.string()),
});

export const instanceEgressResult = z.strictObject({
  instance: z.string().describe("the instance's `id`"),
  policy: egressResult.describe("what holds for it"),
  overrides: z.strictObject({ allow: override, deny: override }).describe("what was changed for it alone"),
  restart_needed: z
    .boolean()
    .describe(
      "not all of the policy holds before the instance is started again: it was started without one, and has no HTTPS, or past one",
    ),
  verified: z
    .enum(["probe", "registration", "open", "pending"])
    .nullable()
    .describe(
      "what shows that the policy holds: a request from inside, the registration where the image has nothing that can make " +
        "one, or nothing yet, without which it gets no traffic; `open`: it was started past the policy; null: it runs no container",
    ),
});
