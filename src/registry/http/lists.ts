/** The catalog, the tags of a repository, and what refers to a manifest. */
import { matches, type RepositoryPatterns } from "../auth/patterns.ts";
import { isMediaType } from "../oci/descriptor.ts";
import { OCI_INDEX } from "../oci/media-types.ts";
import { OciError } from "../oci/oci-error.ts";
import type { RegistryIndex } from "../store/contract.ts";
import { jsonAnswer, requireDigest, type RegistryCall } from "./call.ts";
import { linkTo, pageOf, type AskedPage } from "./pages.ts";

/** Clients that know no `Link` take the first answer for all there is. */
const MAX_TAGS = 10_000;
const MAX_REPOSITORIES = 1_000;
/** With their tags each is another call. */
const MAX_TAGGED_REPOSITORIES = 100;
/** Of credentials for some repositories: what a page has at least, and how many are looked through for one answer. */
const PAGE_TO_FILTER = 100;
const MAX_PAGES = 10;
/** Each brings its annotations along. */
const MAX_REFERRERS = 100;

/** `?tags=true` is what wrangler asks for: an object of repositories and their tags. */
export async function getCatalog(call: RegistryCall): Promise<Response> {
  const { url, index, access } = call;
  const isTagged = url.searchParams.get("tags") === "true";
  const { limit, last } = pageOf(url, isTagged ? MAX_TAGGED_REPOSITORIES : MAX_REPOSITORIES);
  if (limit === 0) return jsonAnswer({ repositories: isTagged ? {} : [] });
  const { names, next } = await listable(index, access.listable, { limit, last });
  const headers = linkTo(url, limit, next);
  if (!isTagged) return jsonAnswer({ repositories: names }, headers);
  const tagged = await Promise.all(names.map(async (name) => [name, await allTags(call, name)] as const));
  return jsonAnswer({ repositories: Object.fromEntries(tagged) }, headers);
}

/** Where few are listable there may be less than was asked for, or nothing, and a next page all the same. */
async function listable(
  index: RegistryIndex,
  patterns: RepositoryPatterns,
  { limit, last }: AskedPage,
): Promise<{ names: string[]; next: string | null }> {
  const names: string[] = [];
  let next = last;
  for (let pages = 0; pages < MAX_PAGES && names.length < limit; pages += 1) {
    const read = patterns === "all" ? limit - names.length : Math.max(limit, PAGE_TO_FILTER);
    const page = await index.repositories({ limit: read, last: next });
    names.push(...page.items.map(({ name }) => name).filter((name) => matches(patterns, name)));
    ({ next } = page);
    if (next === null) break;
  }
  if (names.length <= limit) return { names, next };
  const shown = names.slice(0, limit);
  return { names: shown, next: shown.at(-1) ?? null };
}

async function allTags({ index }: RegistryCall, repository: string): Promise<string[]> {
  const tags: string[] = [];
  let last: string | null = null;
  do {
    const page = await index.tags(repository, { limit: MAX_TAGS, last });
    tags.push(...(page?.items ?? []));
    last = page?.next ?? null;
  } while (last !== null);
  return tags;
}

export async function getTags(call: RegistryCall): Promise<Response> {
  const { url, index, name, repository } = call;
  const { limit, last } = pageOf(url, MAX_TAGS);
  const page = await index.tags(repository, { limit: Math.max(limit, 1), last });
  if (page === null) throw new OciError("NAME_UNKNOWN", `there is no repository ${name}`, { detail: { name } });
  const tags = limit === 0 ? [] : page.items;
  return jsonAnswer({ name, tags }, linkTo(url, limit, page.next));
}

/** Of a subject that nobody has pushed, too: then it is empty. */
export async function getReferrers(call: RegistryCall, text: string): Promise<Response> {
  const { url, index, repository } = call;
  const subject = requireDigest(text);
  const asked = url.searchParams.get("artifactType");
  const artifactType = asked === "" ? null : asked;
  if (artifactType !== null && !isMediaType(artifactType)) {
    throw new OciError("UNSUPPORTED", "artifactType must be a media type", { status: 400 });
  }
  const { limit, last } = pageOf(url, MAX_REFERRERS);
  const page = await index.referrers(repository, subject, { artifactType, limit: Math.max(limit, 1), last });
  const manifests = limit === 0 ? [] : page.items;
  const filtered = artifactType === null ? {} : { "oci-filters-applied": "artifactType" };
  const body = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
  return jsonAnswer(body, { "content-type": OCI_INDEX, ...filtered, ...linkTo(url, limit, page.next) });
}
