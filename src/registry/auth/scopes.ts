/** Scopes of the token endpoint: `repository:<name>:pull,push`, `registry:catalog:*`. Pure. */
import { isRepository, ownerOf } from "../oci/names.ts";
import { permits, type Principal, type RegistryAction } from "./access.ts";
import type { TokenEntry } from "./access-token.ts";

export interface Scope {
  /** Null: the catalog. */
  readonly name: string | null;
  readonly actions: readonly RegistryAction[];
}

/** A client asks for one or two; a token has to fit into a header. */
export const MAX_SCOPES = 16;

const ACTIONS: Readonly<Record<string, readonly RegistryAction[]>> = {
  pull: ["pull", "list"],
  push: ["push"],
  delete: ["delete"],
  "*": ["pull", "list", "push", "delete"],
};

/** Each may hold several, with spaces between. What is unknown here asks for nothing: other registries have more kinds. */
export function parseScopes(texts: readonly string[]): Scope[] {
  return texts
    .flatMap((text) => text.split(/\s+/))
    .flatMap((text): Scope[] => {
      // Names may have a port in front of them, and so a colon.
      const [, type, name, actions = ""] = /^([a-z]+)(?:\([a-z]+\))?:(.+):([^:]*)$/.exec(text) ?? [];
      if (type === "registry" && name === "catalog") return [{ name: null, actions: ["list"] }];
      if (type !== "repository" || name === undefined || !isRepository(ownerOf(name).repository)) return [];
      const asked = new Set(actions.split(",").flatMap((action) => ACTIONS[action] ?? []));
      return asked.size === 0 ? [] : [{ name, actions: [...asked] }];
    });
}

export interface Asked {
  readonly accountId: string;
  /** Empty: the catalog. */
  readonly repository: string;
  readonly actions: readonly RegistryAction[];
}

/** Where each is, asked for twice or not. */
export function askedOf(scopes: readonly Scope[], accountId: string): Asked[] {
  const asked = new Map<string, Asked>();
  for (const { name, actions } of scopes) {
    const owned = name === null ? { accountId: null, repository: "" } : ownerOf(name);
    const one = { accountId: owned.accountId ?? accountId, repository: owned.repository };
    const key = `${one.accountId}/${one.repository}`;
    asked.set(key, { ...one, actions: [...new Set([...(asked.get(key)?.actions ?? []), ...actions])] });
  }
  return [...asked.values()];
}

/** What of it these credentials allow; `isPublic`: anyone may pull. */
export function entryOf(asked: Asked, principal: Principal | null, isPublic: boolean): TokenEntry {
  const { accountId, repository, actions } = asked;
  const name = repository === "" ? null : repository;
  const isGiven = (action: RegistryAction) =>
    (isPublic && (action === "pull" || action === "list")) ||
    (principal !== null && permits(principal, accountId, name, action));
  return {
    accountId,
    repository,
    actions: actions.filter(isGiven),
    refused: actions.filter((action) => !isGiven(action)),
  };
}
