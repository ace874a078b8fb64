/** The tags of a repository: from Docker Hub with dates, sizes and platforms, from any other registry their names. */
import type { MetadataCache } from "../cache/metadata.ts";
import { json, send } from "../http/answer.ts";
import { parametersOf, type Call } from "../http/call.ts";
import { text, whole } from "../http/fields.ts";
import { Unreachable } from "../hub/client.ts";
import { DOCKER_HUB } from "../hub/found.ts";
import type { Hub } from "../hub/hub.ts";
import { familiarName, readReference, type ImageReference } from "../image/reference.ts";
import { downloadError } from "../registry/failures.ts";
import type { Login, Registries } from "../registry/registries.ts";
import { loginOf } from "./login.ts";

const REMEMBER_S = 300;
const PAGE_SIZE = 50;
/** Of a registry's own list, which has no order but that of the alphabet: all of it is read before the first is shown. */
const MAX_LISTED = 10_000;
const LIST_PAGE = 1_000;
/** Registries make smaller pages than they are asked for; one of nothing that names another one would never end. */
const MAX_PAGES = 200;

export interface TagParts {
  readonly hub: Hub | null;
  readonly metadata: MetadataCache;
  readonly upstream: Registries;
}

export interface TagPage {
  readonly tags: readonly { readonly name: string }[];
  readonly count: number;
  readonly next: number | null;
}

export async function listTags(call: Call, parts: TagParts): Promise<void> {
  const parameters = await parametersOf(call);
  const reference = readReference(text(parameters, "image"));
  const page = whole(parameters, "page", { least: 1, most: 1_000, otherwise: 1 });
  const pageSize = whole(parameters, "page_size", { least: 1, most: 100, otherwise: PAGE_SIZE });
  const found = await tagsOf(reference, loginOf(parameters, call.request), { page, pageSize }, parts);
  const answer = { name: familiarName(reference), registry: reference.domain, page, page_size: pageSize, ...found };
  await send(call.request, call.response, json(answer));
}

export async function tagsOf(
  reference: ImageReference,
  login: Login | null,
  { page, pageSize }: { readonly page: number; readonly pageSize: number },
  { hub, metadata, upstream }: TagParts,
): Promise<TagPage> {
  const { domain, repository } = reference;
  if (domain === DOCKER_HUB.host && hub !== null && login === null) {
    const key = ["tags", repository, String(page), String(pageSize)];
    try {
      const found = await metadata.remember(key, REMEMBER_S, () => hub.tags(repository, page, pageSize));
      if (found !== null) return found;
    } catch (error) {
      // The registry lists them as well.
      if (!(error instanceof Unreachable)) throw error;
    }
  }
  const all = () => namesOf(upstream, reference, login);
  const names =
    login === null ? await metadata.remember(["tag-names", domain, repository], REMEMBER_S, all) : await all();
  const from = (page - 1) * pageSize;
  return {
    tags: names.slice(from, from + pageSize).map((name) => ({ name })),
    count: names.length,
    next: from + pageSize < names.length ? page + 1 : null,
  };
}

async function namesOf(upstream: Registries, reference: ImageReference, login: Login | null): Promise<string[]> {
  const { domain, repository } = reference;
  const registry = upstream.open(domain, login);
  const names: string[] = [];
  let next: string | null = null;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const answer = await registry.tags(repository, { limit: LIST_PAGE, next });
    if (!answer.ok) throw downloadError(answer.failure, familiarName(reference));
    names.push(...answer.value.tags);
    ({ next } = answer.value);
    if (next === null || names.length >= MAX_LISTED) break;
  }
  return names.slice(0, MAX_LISTED).toSorted(newestFirst);
}

const numbers = new Intl.Collator("en", { numeric: true });

/** `latest` before all, then by numbers: `1.10` before `1.9`. */
export function newestFirst(one: string, other: string): number {
  if (one === "latest" || other === "latest") return one === "latest" ? -1 : 1;
  return numbers.compare(other, one);
}
