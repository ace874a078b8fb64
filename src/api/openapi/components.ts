/** Headers, parameters and the envelope's pieces, which many operations share. */
import { OWNER_PATTERN } from "../schemas/owner.ts";
import { isWrite, type Route } from "../route.ts";
import type { Json, JsonSchema } from "./schemas.ts";

export const securitySchemes = {
  token: {
    type: "http",
    scheme: "bearer",
    description:
      "The operator's token, or one of an account (`POST /tokens`). Each operation names the scope it takes.",
  },
};

export const parameters: Readonly<Record<string, Json>> = {
  account_id: {
    name: "account_id",
    in: "path",
    required: true,
    description: "the account: 32 hex digits",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
  },
  "Idempotency-Key": {
    name: "Idempotency-Key",
    in: "header",
    description: "the same key with the same request gives the same answer for 24 hours, and does its work once",
    schema: { type: "string", minLength: 1, maxLength: 255 },
  },
  "Gantry-Lease-Nonce": {
    name: "Gantry-Lease-Nonce",
    in: "header",
    description: "the nonce of the lease that the caller holds; without it a leased application is not changed (409)",
    schema: { type: "string" },
  },
  "Gantry-Owner": {
    name: "Gantry-Owner",
    in: "header",
    description: "whose the new resource is, for `GET /owners`: the name of what manages it; default: nobody's",
    schema: { type: "string", pattern: OWNER_PATTERN.source },
  },
  "If-Match": {
    name: "If-Match",
    in: "header",
    description: "the ETag that the resource must still have; 412 with the current one when it has changed",
    schema: { type: "string" },
  },
};

export const headers: Readonly<Record<string, Json>> = {
  "x-request-id": {
    description: "the request's id, in logs and in the audit too",
    required: true,
    schema: { type: "string", format: "uuid" },
  },
  "x-should-retry": {
    description: "whether the same request may succeed later; official SDKs follow it",
    required: true,
    schema: { type: "string", enum: ["true", "false"] },
  },
  ETag: { description: "names this state of the resource", required: true, schema: { type: "string" } },
  CurrentETag: {
    description: "what would match now; absent when there is no such resource",
    schema: { type: "string" },
  },
  "Retry-After": {
    description: "seconds after which to come back, on errors that are retryable",
    schema: { type: "string", pattern: "^[0-9]+$" },
  },
  "Idempotency-Replayed": {
    description: "present when this is the answer that was kept for the Idempotency-Key",
    schema: { type: "string", const: "true" },
  },
  "WWW-Authenticate": { required: true, schema: { type: "string" } },
};

export const resultInfo: JsonSchema = {
  type: "object",
  properties: {
    per_page: { type: "integer", description: "the most that a page holds" },
    page_token: { type: ["string", "null"], description: "of this page; null for the first" },
    next_page_token: { type: "string", description: "of the page after this; absent on the last" },
    count: { type: "integer", minimum: 0, description: "how many this page holds" },
    page: { type: "integer", minimum: 1, description: "of this page, in lists whose pages are numbered" },
    total_count: { type: "integer", minimum: 0, description: "how many there are, in lists whose pages are numbered" },
  },
  required: ["per_page", "page_token", "count"],
  additionalProperties: false,
};

/** Request headers that have an effect on a route. */
export function requestHeaders({ method, etag, statuses, errors, owned }: Route): string[] {
  if (!isWrite(method)) return [];
  // What only ever creates has no earlier state to match.
  const creates = statuses.every((status) => status === 201);
  const lease = errors.includes("LEASE_HELD") ? ["Gantry-Lease-Nonce"] : [];
  const isMatched = (etag && !creates) || errors.includes("PRECONDITION_FAILED");
  return ["Idempotency-Key", ...(isMatched ? ["If-Match"] : []), ...lease, ...(owned ? ["Gantry-Owner"] : [])];
}
