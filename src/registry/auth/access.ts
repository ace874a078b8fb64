/** Who asks the registry for what, and what credentials allow. Pure. */
import type { RegistryPermission } from "../credentials.ts";
import { matches, type RepositoryPatterns } from "./patterns.ts";

/** `list` without a repository is the catalog, with one its tags. */
export type RegistryAction = "pull" | "push" | "list" | "delete";

export interface Wanted {
  /** As the path has it, with or without an account; null: the catalog. */
  readonly name: string | null;
  readonly action: RegistryAction;
}

export interface Access {
  /** As the audit names who asks. */
  readonly actor: string;
  /** Repositories of the same account that may be pulled: what a mount may take from. */
  readonly readable: RepositoryPatterns;
  /** Repositories of the same account whose names may be told: what the catalog shows. */
  readonly listable: RepositoryPatterns;
  /** To the repository that was asked about: what is seen of it is counted on. */
  readonly mayPush: boolean;
}

export type Authorization =
  | {
      readonly allowed: true;
      readonly accountId: string;
      /** Without the account; empty for the catalog. */
      readonly repository: string;
      readonly access: Access;
    }
  | { readonly allowed: false; readonly response: Response };

/** Whose credentials were good. */
export interface Principal {
  readonly actor: string;
  readonly tokenId: string | null;
  /** Of names that say no account. */
  readonly accountId: string;
  /** The operator: repositories of other accounts are like its own. */
  readonly isEverywhere: boolean;
  readonly permissions: readonly RegistryPermission[];
  /** Null: all of the account. */
  readonly repositories: readonly string[] | null;
}

/** What the distribution's own images are below. */
const LIBRARY = "library/";

const NEEDED: Readonly<Record<RegistryAction, readonly RegistryPermission[]>> = {
  pull: ["pull"],
  push: ["push"],
  // Wrangler lists images with credentials that may pull.
  list: ["list", "pull"],
  delete: ["push"],
};

/** Whether credentials allow it. `repository` null: the catalog, which shows what they may list. */
export function permits(
  principal: Principal,
  accountId: string,
  repository: string | null,
  action: RegistryAction,
): boolean {
  const { permissions, repositories } = principal;
  if (!isOwn(principal, accountId)) return false;
  if (repository !== null && !matches(repositories ?? "all", repository)) return false;
  if (NEEDED[action].some((permission) => permissions.includes(permission))) return true;
  return action === "push" && permissions.includes("library_push") && repository?.startsWith(LIBRARY) === true;
}

export function isOwn({ isEverywhere, accountId }: Principal, of: string): boolean {
  return isEverywhere || accountId === of;
}

/** What of an account's repositories `action` is allowed for, as far as that needs no list of them. */
export function reachOf(principal: Principal, accountId: string, action: "pull" | "list"): RepositoryPatterns {
  return permits(principal, accountId, null, action) ? (principal.repositories ?? "all") : [];
}
