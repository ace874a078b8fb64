/**
 * Which manifests of a repository no tag leads to. A tag leads to its manifest, a manifest to what it names and to those
 * whose subject it is. One that was pushed a moment ago may be part of a push that is not over.
 */
export interface Known {
  readonly digest: string;
  readonly names: readonly string[];
  readonly subject: string | null;
  readonly pushedAt: number;
}

export interface Unreached<T> {
  readonly manifest: T;
  /** Those that are there and lead to it: none of them is tagged, or it were not in this list. */
  readonly ledBy: readonly string[];
}

export function unreached<T extends Known>(
  manifests: readonly T[],
  tagged: ReadonlySet<string>,
  now: number,
  holdMs: number,
): Unreached<T>[] {
  const leads = leadsOf(manifests);
  const reached = new Set(tagged);
  // A set that grows is walked to its end.
  for (const digest of reached) {
    for (const below of leads.get(digest) ?? []) reached.add(below);
  }
  const left = manifests.filter(({ digest }) => !reached.has(digest));
  const leaders = leadersOf(left, leads);
  return left
    .filter(({ pushedAt }) => pushedAt + holdMs <= now)
    .map((manifest) => ({ manifest, ledBy: leaders.get(manifest.digest) ?? [] }));
}

function leadsOf(manifests: readonly Known[]): Map<string, string[]> {
  const leads = new Map<string, string[]>(manifests.map(({ digest, names }) => [digest, [...names]]));
  for (const { digest, subject } of manifests) {
    if (subject !== null) leads.get(subject)?.push(digest);
  }
  return leads;
}

function leadersOf(manifests: readonly Known[], leads: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const leaders = new Map<string, string[]>(manifests.map(({ digest }) => [digest, []]));
  for (const { digest } of manifests) {
    for (const below of new Set(leads.get(digest))) leaders.get(below)?.push(digest);
  }
  return leaders;
}
