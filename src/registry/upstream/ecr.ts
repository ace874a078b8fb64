/**
 * Logins of Amazon's registries: an access key is no password of theirs, it gets one that lasts for hours, from an API of
 * its region with a signed request.
 */
import { AwsV4Signer } from "aws4fetch";
import { fromBase64 } from "../../encoding.ts";
import { endpointOf } from "./domains.ts";
import { readBounded } from "./body.ts";
import { upstreamError } from "./failure.ts";
import type { Login, TokenCache } from "./tokens.ts";
import { DEFAULT_LIMITS, send, type Clock, type Fetch } from "./transport.ts";

export interface AccessKey {
  readonly id: string;
  readonly secret: string;
}

const DOMAIN = /^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com)$/;
const ACTION = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
const MAX_ANSWER_BYTES = 65_536;
/** It lasts 12 hours; a login must outlive the pull that it begins. */
const SPARE_MS = 900_000;
const MAX_LIFE_MS = 43_200_000;

/** Null for a domain that is none of Amazon's. */
export function ecrApi(domain: string): { readonly url: string; readonly region: string } | null {
  const [, region, suffix] = DOMAIN.exec(domain) ?? [];
  return region === undefined ? null : { url: `https://api.ecr.${region}.${suffix}/`, region };
}

/** `keyDigest`: tells the access key from others, and nothing of it. */
export async function ecrLogin(
  domain: string,
  key: AccessKey,
  { fetch, clock, kept, keyDigest }: { fetch: Fetch; clock: Clock; kept: TokenCache; keyDigest: string },
): Promise<Login> {
  const api = ecrApi(domain);
  if (api === null) throw upstreamError("INVALID", `${domain} is no domain of Amazon ECR`);
  const cacheKey = JSON.stringify(["ecr", domain, keyDigest]);
  const now = clock.now();
  const known = kept.token(cacheKey, now);
  if (known !== null) return { user: "AWS", password: known };
  const url = new URL(api.url);
  const endpoint = endpointOf(url.host, false);
  if (typeof endpoint === "string") throw upstreamError("INVALID", endpoint);
  const transport = { endpoint, fetch, clock, limits: DEFAULT_LIMITS };
  const signer = new AwsV4Signer({
    url: url.href,
    method: "POST",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": ACTION },
    body: "{}",
    accessKeyId: key.id,
    secretAccessKey: key.secret,
    service: "ecr",
    region: api.region,
    datetime: new Date(now).toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
  });
  const { headers } = await signer.sign();
  // What the connection itself sets.
  headers.delete("host");
  const request = { method: "POST" as const, headers: Object.fromEntries(headers), body: "{}" };
  const arrived = await send(transport, url, request);
  const bytes = await readBounded(arrived, DEFAULT_LIMITS.stallMs, MAX_ANSWER_BYTES);
  if (!arrived.response.ok) {
    const why = reasonOf(new TextDecoder().decode(bytes));
    throw upstreamError("UNAUTHORIZED", `${url.host} gives the access key no login: ${why ?? arrived.response.status}`);
  }
  const login = parseEcrLogin(new TextDecoder().decode(bytes));
  if (login === null) throw upstreamError("INVALID", `${url.host} answers with what is no login`);
  const expiresAt = Math.min(login.expiresAt ?? now + MAX_LIFE_MS, now + MAX_LIFE_MS) - SPARE_MS;
  kept.keep(cacheKey, { token: login.password, expiresAt });
  return { user: "AWS", password: login.password };
}

/** Null for what is none. */
export function parseEcrLogin(text: string): { readonly password: string; readonly expiresAt: number | null } | null {
  const data = parsed(text)?.["authorizationData"];
  const first: unknown = Array.isArray(data) ? data[0] : null;
  if (typeof first !== "object" || first === null) return null;
  const { authorizationToken, expiresAt } = first as Record<string, unknown>;
  const bytes = typeof authorizationToken === "string" ? fromBase64(authorizationToken) : null;
  const pair = bytes === null ? "" : new TextDecoder().decode(bytes);
  if (!pair.startsWith("AWS:") || pair.length === 4) return null;
  return { password: pair.slice(4), expiresAt: typeof expiresAt === "number" ? expiresAt * 1_000 : null };
}

/** `UnrecognizedClientException`, which names no secret. */
function reasonOf(text: string): string | null {
  const type = parsed(text)?.["__type"];
  return typeof type === "string" ? (/[A-Za-z]{1,100}$/.exec(type)?.[0] ?? null) : null;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
