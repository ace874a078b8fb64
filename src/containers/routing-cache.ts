/**
 * The Worker's copy of routing snapshots, so that a warm request asks no scheduler. A snapshot is used for a short
 * time, then refreshed beside the request that noticed; an instance that fails is taken out of it at once.
 */
import { GantryError } from "../errors.ts";
import type { Routing, RoutingMember } from "../orchestrator/routing.ts";
import { accountStub, applicationStub } from "../stubs.ts";
import { applicationAtHost, hostOf } from "./host-lookup.ts";

/** A snapshot is refreshed beside a request after this long, and not used at all after twice as long. */
export const SNAPSHOT_TTL_MS = 2_000;
/** Beyond this many applications the oldest snapshots are dropped: an isolate has 128 MB. */
const MAX_SNAPSHOTS = 2_000;
const MAX_NAME_LENGTH = 64;
/** No name and no id of an application begins so, and what comes from outside is never taken for a key. */
const ACCOUNT_PREFIX = "/";

interface Entry {
  routing: Routing;
  freshUntil: number;
  /** Since when a refresh is under way; 0 when none is. */
  refreshingSince: number;
}

/** Per isolate; rebuilt from the objects at any time. */
const entries = new Map<string, Entry>();

/** Under which the routing of an account's application is kept, and asked for. */
export function applicationKey(accountId: string, name: string, env: Env): string {
  return accountId === env.GANTRY_ACCOUNT_ID ? name : `${ACCOUNT_PREFIX}${accountId}/${name}`;
}

export function forgetRouting(application: string): void {
  entries.delete(application);
  // Under its id, and under its host names.
  for (const [key, { routing }] of entries) if (routing.name === application) entries.delete(key);
}

/** There is a copy that may still be used. */
export function hasRouting(application: string, now: number): boolean {
  const entry = entries.get(application);
  return entry !== undefined && now < entry.freshUntil + SNAPSHOT_TTL_MS;
}

/** Takes a member that failed out of the copy, until the next snapshot says otherwise. */
export function excludeMember(application: string, member: RoutingMember): void {
  const entry = entries.get(application);
  if (entry === undefined) return;
  const members = entry.routing.members.filter((other) => other.deploymentId !== member.deploymentId);
  entry.routing = { ...entry.routing, members };
  entry.freshUntil = Math.min(entry.freshUntil, Date.now());
}

/** The copy, or null when there is none with a member in it. */
export function cachedRouting(application: string, env: Env, ctx: ExecutionContext, now: number): Routing | null {
  const entry = entries.get(application);
  if (entry === undefined || entry.routing.members.length === 0) return null;
  // A policy may have changed: what is too old decides nothing any more.
  if (now >= entry.freshUntil + SNAPSHOT_TTL_MS) return null;
  if (now >= entry.freshUntil && now - entry.refreshingSince >= SNAPSHOT_TTL_MS) {
    entry.refreshingSince = now;
    ctx.waitUntil(
      loadRouting(application, env, 0).then(
        () => undefined,
        () => forgetRouting(application),
      ),
    );
  }
  return entry.routing;
}

/**
 * Asks the application, waiting up to `waitMs` for its first ready instance. Callers do not share one promise: it
 * would belong to the context of the request that made it. A burst waits in the application, whose queue is bounded.
 */
export async function loadRouting(application: string, env: Env, waitMs: number): Promise<Routing> {
  const host = hostOf(application);
  const { account, name } = ownerOf(application, env);
  if (host === null && name.length > MAX_NAME_LENGTH) throw unknown(name.slice(0, MAX_NAME_LENGTH));
  const entry =
    host === null ? await accountStub(env, account).findApplication(name) : await applicationAtHost(host, env);
  if (entry === null) throw unknown(host ?? name);
  const routing: Routing | null = await applicationStub(env, entry.id).routing(waitMs);
  // Whose a host is, only the application itself says for certain.
  if (routing === null || (host !== null && routing.hostnames?.includes(host) !== true)) {
    throw unknown(host ?? name);
  }
  const oldest = entries.keys().next();
  if (entries.size >= MAX_SNAPSHOTS && oldest.done !== true) entries.delete(oldest.value);
  entries.set(application, { routing, freshUntil: Date.now() + SNAPSHOT_TTL_MS, refreshingSince: 0 });
  return routing;
}

/** Whose application a key means, and which. */
function ownerOf(key: string, env: Env): { readonly account: string; readonly name: string } {
  const [, account, name] = key.startsWith(ACCOUNT_PREFIX) ? key.split("/", 3) : [];
  if (account === undefined || name === undefined) return { account: env.GANTRY_ACCOUNT_ID, name: key };
  return { account, name };
}

function unknown(application: string): GantryError {
  return new GantryError("APPLICATION_NOT_FOUND", `there is no application ${application}`, { application });
}
