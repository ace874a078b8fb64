/**
 * The credential of a request, as far as the Worker can tell on its own: the operator's token, which is a secret of the
 * deployment, or a token of an account, which that account's object then checks. Secrets are compared as digests in
 * constant time, so that neither content nor length of the real one leaks.
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** `gty_<account>_<id>_<secret>`: the account and the id are no secrets. */
export const TOKEN_PATTERN = /^gty_([0-9a-f]{32})_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export type Credential =
  | { readonly kind: "operator" }
  | {
      readonly kind: "token";
      readonly accountId: string;
      readonly tokenId: string;
      /** Hex SHA-256 of the secret part. */
      readonly digest: string;
    };

export function credentialOf(request: Request, env: Env): Credential | null {
  const token = bearerToken(request.headers.get("authorization")) ?? protocolToken(request);
  return token === null ? null : credentialIn(token, env);
}

/** Null for a text that is neither the operator's token nor looks like one of an account. */
export function credentialIn(token: string, env: Env): Credential | null {
  const match = TOKEN_PATTERN.exec(token);
  if (match !== null) {
    const [, accountId = "", tokenId = "", secret = ""] = match;
    return { kind: "token", accountId, tokenId, digest: hexDigest(secret) };
  }
  if (env.GANTRY_ADMIN_TOKEN === undefined || env.GANTRY_ADMIN_TOKEN === "") return null;
  return sameSecret(token, env.GANTRY_ADMIN_TOKEN) ? { kind: "operator" } : null;
}

export function bearerToken(header: string | null): string | null {
  return /^Bearer +([^\s]+)$/i.exec(header ?? "")?.[1] ?? null;
}

/** What Gantry answers to a client that offers WebSocket protocols: never the one that carries the token. */
export const WEBSOCKET_PROTOCOL = "gantry.events";
export const TOKEN_PROTOCOL = "gantry.token.";

/** Browsers cannot send headers with a WebSocket, only the protocols that they offer; a URL would be in logs. */
function protocolToken(request: Request): string | null {
  const { headers } = request;
  if (headers.has("authorization") || headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
  const offered =
    headers
      .get("sec-websocket-protocol")
      ?.split(",")
      .map((protocol) => protocol.trim()) ?? [];
  const carrier = offered.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL));
  return carrier === undefined ? null : carrier.slice(TOKEN_PROTOCOL.length);
}

export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

export function hexDigest(text: string): string {
  return digest(text).toString("hex");
}

/** At once: a promise for each request would cost more than the digest. */
function digest(text: string) {
  return createHash("sha256").update(text).digest();
}
