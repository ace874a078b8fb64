/** The audit of an account: every write that was asked for, newest first. */
import * as z from "zod";
import type { AuditEntry } from "../../account/audit.ts";
import { accountStub } from "../../stubs.ts";
import { timestamp } from "../results/common.ts";
import { defineRoute } from "../route.ts";
import { iso } from "../../iso.ts";

const PER_PAGE = 100;
const MAX_PER_PAGE = 1_000;

const auditResult = z.strictObject({
  id: z.string(),
  time: timestamp,
  request_id: z.string(),
  actor: z.string(),
  token_id: z.string().nullable(),
  method: z.string(),
  path: z.string(),
  address: z.string().nullable(),
  idempotency_key: z.string().nullable(),
  /** The SSH key that has signed it; null where none has to. */
  signed_by: z.strictObject({ key_id: z.string(), fingerprint: z.string() }).nullable(),
  /** Null when nobody saw the end of it. */
  status: z.int().nullable(),
  code: z.string().nullable(),
});

export const auditRoutes = [
  defineRoute({
    method: "GET",
    path: "/audit",
    tag: "Audit",
    summary: "List writes and what came of them, newest first",
    scope: "admin",
    query: z.strictObject({
      before: z.coerce
        .number()
        .int()
        .min(1)
        .max(Number.MAX_SAFE_INTEGER)
        .default(Number.MAX_SAFE_INTEGER)
        .describe("`id` of the oldest entry seen: the page goes on below it; default: from the newest"),
      per_page: z.coerce
        .number()
        .int()
        .min(1)
        .max(MAX_PER_PAGE)
        .default(PER_PAGE)
        .describe("The most that the page holds"),
    }),
    result: z.array(auditResult),
    paged: true,
    run: async ({ env, accountId, query: { before, per_page: perPage } }) => {
      const entries: AuditEntry[] = await accountStub(env, accountId).audit(before, perPage);
      const last = entries.at(-1);
      const more = entries.length === perPage && last !== undefined ? { next_page_token: String(last.id) } : {};
      const resultInfo = { per_page: perPage, page_token: String(before), count: entries.length, ...more };
      return { result: entries.map(wireEntry), resultInfo };
    },
  }),
];

function wireEntry(entry: AuditEntry): z.output<typeof auditResult> {
  return {
    id: String(entry.id),
    time: iso(entry.time),
    request_id: entry.requestId,
    actor: entry.actor,
    token_id: entry.tokenId,
    method: entry.method,
    path: entry.path,
    address: entry.address,
    idempotency_key: entry.idempotencyKey,
    signed_by:
      entry.signer === undefined ? null : { key_id: entry.signer.keyId, fingerprint: entry.signer.fingerprint },
    status: entry.status,
    code: entry.code,
  };
}
