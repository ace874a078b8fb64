/** Tags of a repository upstream, in pages as the registry makes them. */
import { isTag } from "../oci/names.ts";
import { readBounded } from "./body.ts";
import { upstreamError } from "./failure.ts";
import { ask, type Session } from "./session.ts";

export interface UpstreamTags {
  readonly tags: readonly string[];
  /** Gets the next page; null where this was the last. */
  readonly next: string | null;
}

const MAX_BYTES = 4_194_304;

/** `next`: of the page before; null: the first. */
export async function listTags(
  session: Session,
  repository: string,
  { limit, next }: { readonly limit: number; readonly next: string | null },
): Promise<UpstreamTags> {
  const path = `/v2/${repository}/tags/list`;
  const headers = { accept: "application/json" };
  const query = next ?? `?n=${limit}`;
  const arrived = await ask(session, { method: "GET", path: `${path}${query}`, headers, repository });
  const { response, url } = arrived;
  const bytes = await readBounded(arrived, session.transport.limits.stallMs, MAX_BYTES);
  const tags = parseTags(new TextDecoder().decode(bytes));
  if (tags === null) throw upstreamError("INVALID", `${url.host} answers ${repository} with what is no list of tags`);
  return { tags, next: nextOf(response.headers.get("link"), url, path) };
}

/** Null for what is no list. What is no tag is left out: nobody could ask for it. */
export function parseTags(text: string): string[] | null {
  try {
    const { tags } = JSON.parse(text) as { readonly tags?: unknown };
    // A repository without any has null at some registries.
    if (tags === null) return [];
    if (!Array.isArray(tags)) return null;
    return tags.filter((tag): tag is string => typeof tag === "string" && isTag(tag));
  } catch {
    return null;
  }
}

/** The query of the next page, which must be of the same list. */
export function nextOf(link: string | null, from: URL, path: string): string | null {
  const [, target] = /<([^<>]{1,4096})>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(link ?? "") ?? [];
  const url = target === undefined ? null : URL.parse(target, from);
  if (url === null || url.origin !== from.origin || url.pathname !== path || url.search === "") return null;
  return url.search === from.search ? null : url.search;
}
