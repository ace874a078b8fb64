/**
 * The credential of a request, as far as the Worker can tell on its own: the operator's token, which is a secret of the
 * deployment, or a token of an account, which that account's object then checks. Secrets are compared as digests in
 * constant time, so that neither content nor length of the real one leaks.
 */

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

export async function credentialOf(request: Request, env: Env): Promise<Credential | null> {
  const token = bearerToken(request.headers.get("authorization")) ?? protocolToken(request);
  if (token === null) return null;
  const match = TOKEN_PATTERN.exec(token);
  if (match !== null) {
    const [, accountId = "", tokenId = "", secret = ""] = match;
    return { kind: "token", accountId, tokenId, digest: await hexDigest(secret) };
  }
  if (env.GANTRY_ADMIN_TOKEN === undefined || env.GANTRY_ADMIN_TOKEN === "") return null;
  return (await sameSecret(token, env.GANTRY_ADMIN_TOKEN)) ? { kind: "operator" } : null;
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

export async function sameSecret(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([digest(a), digest(b)]);
  return crypto.subtle.timingSafeEqual(first, second);
}

export async function hexDigest(text: string): Promise<string> {
  return Array.from(new Uint8Array(await digest(text)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
