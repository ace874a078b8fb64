/**
 * Tokens of registries, kept in memory until shortly before they end, by where they come from, what they are for and
 * whose they are: nobody gets one that was given for other credentials.
 */
import { toBase64, toHex } from "../../encoding.ts";
import { readBounded } from "./body.ts";
import type { Challenge } from "./challenge.ts";
import { refusalOf } from "./domains.ts";
import { upstreamError } from "./failure.ts";
import { discard, send, type Arrived, type Transport } from "./transport.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

interface Kept {
  readonly token: string;
  readonly expiresAt: number;
}

/** As the specification has it for answers that do not say. */
const DEFAULT_SECONDS = 60;
const MAX_SECONDS = 86_400;
const MAX_KEPT = 1_000;
const MAX_ANSWER_BYTES = 65_536;
const MAX_TOKEN_LENGTH = 32_768;

export class TokenCache {
  readonly #tokens = new Map<string, Kept>();
  readonly #challenges = new Map<string, Challenge>();

  token(key: string, now: number): string | null {
    const kept = this.#tokens.get(key);
    return kept === undefined || kept.expiresAt <= now ? null : kept.token;
  }

  keep(key: string, kept: Kept): void {
    setBounded(this.#tokens, key, kept);
  }

  forget(key: string): void {
    this.#tokens.delete(key);
  }

  /** What a registry asked for the last time, so that the next request brings it at once. */
  challenge(place: string): Challenge | null {
    return this.#challenges.get(place) ?? null;
  }

  keepChallenge(place: string, challenge: Challenge): void {
    setBounded(this.#challenges, place, challenge);
  }
}

export function basicHeader({ user, password }: Login): string {
  return `Basic ${toBase64(new TextEncoder().encode(`${user}:${password}`))}`;
}

/** A token for a challenge. `isRefused`: the one that is kept was not taken. */
export async function bearerToken(
  transport: Transport,
  cache: TokenCache,
  challenge: Challenge,
  { login, repository, isRefused }: { readonly login: Login | null; repository: string; isRefused: boolean },
): Promise<string> {
  const { realm = "", service = "", scope = `repository:${repository}:pull` } = challenge.parameters;
  const key = JSON.stringify([realm, service, scope, await loginKey(login)]);
  if (isRefused) cache.forget(key);
  const now = transport.clock.now();
  const known = cache.token(key, now);
  if (known !== null) return known;
  const registry = new URL(transport.endpoint.origin);
  const url = URL.parse(realm);
  const refusal = url === null ? "what is no address" : refusalOf(url, registry, transport.endpoint);
  if (url === null || refusal !== null) throw upstreamError("INVALID", `${registry.host} has tokens at ${refusal}`);
  const answer = await ask(transport, url, { service, scope, login });
  const { token, seconds } = await readToken(answer, transport.limits.stallMs);
  // A little before its end, since the next request takes its time.
  const lasts = seconds * 1_000 - Math.min(10_000, seconds * 100);
  cache.keep(key, { token, expiresAt: now + lasts });
  return token;
}

interface TokenRequest {
  readonly service: string;
  readonly scope: string;
  readonly login: Login | null;
}

async function ask(transport: Transport, realm: URL, { service, scope, login }: TokenRequest): Promise<Arrived> {
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  // Several scopes stand in one parameter, with blanks between them, and are asked for one by one.
  for (const one of scope.split(" ").filter((part) => part !== "")) url.searchParams.append("scope", one);
  const headers = { accept: "application/json", ...(login === null ? {} : { authorization: basicHeader(login) }) };
  const got = await send(transport, url, { method: "GET", headers });
  if (login === null || (got.response.status !== 404 && got.response.status !== 405)) return got;
  // A token server that knows the newer way alone.
  await discard(got.response);
  const { user: username, password } = login;
  const form = new URLSearchParams({ grant_type: "password", client_id: "gantry", service, scope, username, password });
  const type = "application/x-www-form-urlencoded";
  const sent = { accept: "application/json", "content-type": type };
  return await send(transport, realm, { method: "POST", headers: sent, body: form.toString() });
}

async function readToken(arrived: Arrived, stallMs: number): Promise<{ token: string; seconds: number }> {
  const { response, url } = arrived;
  if (!response.ok) {
    await discard(response);
    const { status } = response;
    if (status === 401 || status === 403) {
      throw upstreamError("UNAUTHORIZED", `${url.host} refuses a token: are the registry's credentials right?`);
    }
    throw upstreamError("INVALID", `${url.host} answers a request for a token with status ${status}`);
  }
  const bytes = await readBounded(arrived, stallMs, MAX_ANSWER_BYTES);
  return parseToken(new TextDecoder().decode(bytes)) ?? invalidToken(url);
}

/** Null for what is no token. */
export function parseToken(text: string): { token: string; seconds: number } | null {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof answer !== "object" || answer === null) return null;
  const { token, access_token, expires_in } = answer as Record<string, unknown>;
  const found = [token, access_token].find((value) => typeof value === "string" && value !== "");
  // What is no header value would break the request that it goes with.
  if (typeof found !== "string" || found.length > MAX_TOKEN_LENGTH || !/^[\x21-\x7e]+$/.test(found)) return null;
  const seconds = typeof expires_in === "number" && expires_in > 0 ? expires_in : DEFAULT_SECONDS;
  return { token: found, seconds: Math.min(seconds, MAX_SECONDS) };
}

function invalidToken(url: URL): never {
  throw upstreamError("INVALID", `${url.host} answers a request for a token with what is none`);
}

/** So that no password is a key of the cache. */
async function loginKey(login: Login | null): Promise<string> {
  if (login === null) return "";
  const bytes = new TextEncoder().encode(JSON.stringify([login.user, login.password]));
  return toHex(await crypto.subtle.digest("SHA-256", bytes));
}

function setBounded<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  const oldest = map.size >= MAX_KEPT ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
