/** What a token may do. Each route names the one scope that it needs. */

/**
 * - `read`: look at everything but secret values
 * - `deploy`: create, change and delete applications, deployments and what they refer to; submit jobs
 * - `operate`: act on what runs: scale, restart, stop, cordon, leases
 * - `invoke`: call applications whose ingress takes tokens
 * - `job:submit`: submit jobs and look at them
 * - `admin`: all of it, and tokens, limits and the audit
 */
export const SCOPES = ["read", "deploy", "operate", "invoke", "job:submit", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a route needs: a scope, or for a look at jobs any of two. */
export type Need = Scope | "job:read";

/** Who changes things must be able to see them. */
const IMPLIED: Readonly<Record<Scope, readonly Need[]>> = {
  read: ["read", "job:read"],
  deploy: ["deploy", "operate", "read", "job:submit", "job:read"],
  operate: ["operate", "read", "job:read"],
  invoke: ["invoke"],
  "job:submit": ["job:submit", "job:read"],
  admin: [...SCOPES, "job:read"],
};

/** In words: which scope it takes. */
export function scopeOf(needed: Need): string {
  return needed === "job:read" ? "read or job:submit" : needed;
}

export function allows(scopes: readonly Scope[], needed: Need): boolean {
  return scopes.some((scope) => IMPLIED[scope].includes(needed));
}

/** Who sent a request. */
export interface Actor {
  /** Shown in events and audit rows: `operator`, or `token <name> (<id>)`. */
  readonly name: string;
  /** Null for the operator's own token. */
  readonly tokenId: string | null;
  readonly scopes: readonly Scope[];
  /** Ids or names of the applications that it is limited to; null for all. */
  readonly applications: readonly string[] | null;
}

export const OPERATOR: Actor = { name: "operator", tokenId: null, scopes: ["admin"], applications: null };

export function mayReach(actor: Actor, application: { readonly id: string; readonly name: string }): boolean {
  const { applications } = actor;
  return applications === null || applications.includes(application.id) || applications.includes(application.name);
}
