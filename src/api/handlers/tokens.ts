/** Tokens of the control API: create, list, get, revoke. The secret is shown once, in the answer that makes it. */
import * as z from "zod";
import type { Token } from "../../account/tokens.ts";
import { parseDuration } from "../../duration.ts";
import { toBase64Url } from "../../encoding.ts";
import { GantryError } from "../../errors.ts";
import { accountStub } from "../../stubs.ts";
import { invalid } from "../body.ts";
import { hexDigest } from "../credentials.ts";
import { decodePageToken, pageOf, pageQuery } from "../pagination.ts";
import { message, timestamp } from "../results/common.ts";
import { defineRoute } from "../route.ts";
import { createTokenSchema } from "../schemas/token.ts";
import { SCOPES } from "../scopes.ts";
import { iso } from "../../iso.ts";

const PER_PAGE = 100;
const MAX_PER_PAGE = 1_000;
const SECRET_BYTES = 32;

const tokenResult = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  applications: z.array(z.string()).optional(),
  rate_limit: z.strictObject({ requests_per_second: z.number() }).optional(),
  created_at: timestamp,
  expires_at: timestamp.optional(),
  state: z.enum(["active", "expired"]),
});

export const tokenRoutes = [
  defineRoute({
    method: "POST",
    path: "/tokens",
    tag: "Tokens",
    summary: "Create a token; its value is in this answer and nowhere else",
    scope: "admin",
    query: z.strictObject({}),
    body: createTokenSchema,
    result: tokenResult.extend({ value: z.string() }),
    statuses: [201],
    sensitive: true,
    run: async ({ env, accountId, body, seed }) => {
      const now = Date.now();
      const ttlMs = body.ttl === undefined ? null : parseDuration(body.ttl);
      const expiresAt =
        body.expires_at === undefined ? (ttlMs === null ? null : now + ttlMs) : Date.parse(body.expires_at);
      if (expiresAt !== null && expiresAt <= now) throw invalid({ expires_at: "is in the past" });
      const token: Token = {
        id: seed.replaceAll("-", "").slice(0, 12),
        name: body.name,
        scopes: body.scopes,
        applications: body.applications ?? null,
        rateLimit: body.rate_limit?.requests_per_second ?? null,
        createdAt: now,
        expiresAt,
      };
      const secret = newSecret();
      await accountStub(env, accountId).createToken(token, hexDigest(secret));
      const value = `gty_${accountId}_${token.id}_${secret}`;
      return { status: 201, result: { ...wireToken(token, now), value } };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/tokens",
    tag: "Tokens",
    summary: "List tokens",
    scope: "admin",
    query: z.strictObject(pageQuery(PER_PAGE, MAX_PER_PAGE)),
    result: z.array(tokenResult),
    paged: true,
    run: async ({ env, accountId, query: { per_page: perPage, page_token: pageToken } }) => {
      const tokens: Token[] = await accountStub(env, accountId).tokens(decodePageToken(pageToken), perPage + 1);
      const { page, info } = pageOf(tokens, perPage, pageToken, ({ id }) => id);
      const now = Date.now();
      return { result: page.map((token) => wireToken(token, now)), resultInfo: info };
    },
  }),
  defineRoute({
    method: "GET",
    path: "/tokens/:token_id",
    tag: "Tokens",
    summary: "Get a token, without its value",
    scope: "admin",
    query: z.strictObject({}),
    result: tokenResult,
    errors: ["TOKEN_NOT_FOUND"],
    run: async ({ env, accountId, params }) => {
      const id = params["token_id"] ?? "";
      const token: Token | null = await accountStub(env, accountId).token(id);
      if (token === null) throw notFound(id);
      return { result: wireToken(token, Date.now()) };
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/tokens/:token_id",
    tag: "Tokens",
    summary: "Revoke a token: its next request is refused",
    scope: "admin",
    query: z.strictObject({}),
    result: message,
    errors: ["TOKEN_NOT_FOUND"],
    run: async ({ env, accountId, params, isRetry }) => {
      const id = params["token_id"] ?? "";
      const wasThere = await accountStub(env, accountId).revokeToken(id);
      if (!wasThere && !isRetry) throw notFound(id);
      return { result: { message: `token ${id} is revoked` } };
    },
  }),
];

function wireToken(token: Token, now: number): z.output<typeof tokenResult> {
  const { id, name, scopes, applications, rateLimit, createdAt, expiresAt } = token;
  return {
    id,
    name,
    scopes: [...scopes],
    ...(applications === null ? {} : { applications: [...applications] }),
    ...(rateLimit === null ? {} : { rate_limit: { requests_per_second: rateLimit } }),
    created_at: iso(createdAt),
    ...(expiresAt === null ? {} : { expires_at: iso(expiresAt) }),
    state: expiresAt !== null && expiresAt <= now ? "expired" : "active",
  };
}

function newSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

function notFound(id: string): GantryError {
  return new GantryError("TOKEN_NOT_FOUND", `there is no token ${id.slice(0, 100)}`, { token: id.slice(0, 100) });
}
