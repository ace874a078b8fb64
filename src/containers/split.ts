/**
 * Which version of an application gets a request while a rollout shares requests out: a percentage of them the one that it
 * brings, by chance, or always the same for one client, who is known by a cookie of ours or by a header of its own. Pure.
 *
 * Each client has a point between 0 and 100, for good, and is on the new side while the percentage is above it: as that
 * grows, nobody goes back.
 */
import { toHex } from "../encoding.ts";
import { hashOf } from "../hash.ts";
import type { Traffic } from "../orchestrator/rollouts/mark.ts";
import type { RolloutSide } from "../orchestrator/rollouts/rollout.ts";
import type { Routing, RoutingMember } from "../orchestrator/routing.ts";

export const VERSION_COOKIE = "gantry-version";
const KEY = /^[0-9a-f]{32}$/;
const KEY_BYTES = 16;

export type Split = Extract<Traffic, { kind: "split" }>;

/** Who asks, as far as it decides which version answers. */
export interface Client {
  /** From 0 to below 100. */
  readonly point: number;
  /** The cookie that makes it known from now on; null: it is known already, or is not to be. */
  readonly setCookie: string | null;
}

export interface Asking {
  readonly request: Request;
  /** Cookies go between this client and the application. */
  readonly hasCookies: boolean;
  /** At least 0 and below 1. */
  readonly random: () => number;
}

export function chooseSide({ percentage }: Pick<Split, "percentage">, { point }: Pick<Client, "point">): RolloutSide {
  return point < percentage ? "to" : "from";
}

/** Once for each request, whatever it takes to have it answered. */
export function clientOf({ sticky }: Split, rolloutId: string, { request, hasCookies, random }: Asking): Client {
  if (sticky?.by === "header") {
    const value = request.headers.get(sticky.name);
    if (value !== null) return { point: pointOf(value, rolloutId), setCookie: null };
  }
  if (sticky?.by !== "cookie" || !hasCookies) return { point: random() * 100, setCookie: null };
  const known = keyIn(request.headers.get("cookie"));
  if (known !== null) return { point: pointOf(known, rolloutId), setCookie: null };
  const key = toHex(crypto.getRandomValues(new Uint8Array(KEY_BYTES)));
  const secure = request.url.startsWith("https:") ? "; Secure" : "";
  return {
    point: pointOf(key, rolloutId),
    setCookie: `${VERSION_COOKIE}=${key}; Path=/; HttpOnly; SameSite=Lax${secure}`,
  };
}

/** Evenly spread, also over keys that are alike, and anew for each rollout: not always the same go first. */
export function pointOf(key: string, rolloutId: string): number {
  let hash = hashOf(`${rolloutId} ${key}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * 100;
}

function keyIn(cookies: string | null): string | null {
  for (const cookie of cookies?.split(";") ?? []) {
    const [name, value = ""] = cookie.trim().split("=");
    if (name === VERSION_COOKIE && KEY.test(value)) return value;
  }
  return null;
}

export function hasVersionCookie({ headers }: Request): boolean {
  return headers.get("cookie")?.includes(VERSION_COOKIE) === true;
}

/** It is Gantry's: no application sees it. */
export function withoutVersionCookie(headers: Headers): void {
  const cookies = headers.get("cookie")?.split(";") ?? [];
  const left = cookies.map((cookie) => cookie.trim()).filter((cookie) => !cookie.startsWith(`${VERSION_COOKIE}=`));
  if (left.length === 0) headers.delete("cookie");
  else headers.set("cookie", left.join("; "));
}

export function withCookie(response: Response, cookie: string): Response {
  const { status, webSocket } = response;
  const next = webSocket
    ? new Response(null, { status, headers: new Headers(response.headers), webSocket })
    : new Response(response.body, response);
  next.headers.append("set-cookie", cookie);
  return next;
}

export type Sides = Readonly<Record<RolloutSide, readonly RoutingMember[]>>;

/** A snapshot's members are divided once, and asked thousands of times. */
const divided = new WeakMap<Routing["members"], Sides>();

export function sidesOf(members: Routing["members"]): Sides {
  const known = divided.get(members);
  if (known !== undefined) return known;
  const sides = {
    from: members.filter(({ isTarget }) => isTarget !== true),
    to: members.filter(({ isTarget }) => isTarget === true),
  };
  divided.set(members, sides);
  return sides;
}

export function otherSide(side: RolloutSide): RolloutSide {
  return side === "to" ? "from" : "to";
}
