/** Which repositories are meant. Pure, and without anything of the Worker: the SDK has it too. */
import { isRepository } from "../oci/names.ts";

/** Names of repositories without their account, and `<prefix>/*` for all below one. */
export type RepositoryPatterns = "all" | readonly string[];

export function matches(patterns: RepositoryPatterns, repository: string): boolean {
  if (patterns === "all") return true;
  return patterns.some((pattern) =>
    pattern.endsWith("/*") ? repository.startsWith(pattern.slice(0, -1)) : pattern === repository,
  );
}

export function isPattern(text: string): boolean {
  return isRepository(text.endsWith("/*") ? text.slice(0, -2) : text);
}
