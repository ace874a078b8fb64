/**
 * What is garbage, decided from what the index holds in one turn. A blob that no manifest of its repository names goes when
 * nobody holds it; an upload goes when nobody has written to it for a day. Manifests are never garbage by themselves.
 */
export const UPLOAD_LIFETIME_MS = 24 * 60 * 60 * 1_000;
/** While there is something that may become garbage. */
export const COLLECT_EVERY_MS = 24 * 60 * 60 * 1_000;

export interface HeldLink {
  readonly digest: string;
  readonly held_until: number;
}

export interface Verdict<L, U> {
  readonly links: readonly L[];
  readonly uploads: readonly U[];
  /** Something is left that may be garbage later without anybody doing anything. */
  readonly isWaiting: boolean;
}

export function garbageOf<L extends HeldLink, U extends { readonly written_at: number }>(
  links: readonly L[],
  named: ReadonlySet<string>,
  uploads: readonly U[],
  now: number,
): Verdict<L, U> {
  const unnamed = links.filter(({ digest }) => !named.has(digest));
  const loose = unnamed.filter((link) => link.held_until <= now);
  const abandoned = uploads.filter((upload) => upload.written_at + UPLOAD_LIFETIME_MS <= now);
  return {
    links: loose,
    uploads: abandoned,
    isWaiting: loose.length < unnamed.length || abandoned.length < uploads.length,
  };
}
