/** Searches: the operator's registries by their lists, Docker Hub by its own search; and what is popular there. */
import type { MetadataCache } from "../cache/metadata.ts";
import { ApiError } from "../http/api-error.ts";
import { json, send } from "../http/answer.ts";
import { parametersOf, type Call } from "../http/call.ts";
import { text, whole } from "../http/fields.ts";
import { Unreachable } from "../hub/client.ts";
import { DOCKER_HUB, type FoundImage } from "../hub/found.ts";
import type { Hub } from "../hub/hub.ts";
import type { RegistriesInReach } from "./reach.ts";

const SEARCH_S = 300;
const POPULAR_S = 3_600;
const MAX_QUERY = 200;

export interface SearchParts {
  readonly hub: Hub | null;
  readonly metadata: MetadataCache;
  readonly registries: RegistriesInReach;
}

export async function search(call: Call, { hub, metadata, registries }: SearchParts): Promise<void> {
  const parameters = await parametersOf(call);
  const query = text(parameters, "query").slice(0, MAX_QUERY);
  const limit = whole(parameters, "limit", { least: 1, most: 100, otherwise: 25 });
  const [own, theirs] = await Promise.all([
    registries.search(query),
    fromHub(hub, async (there) =>
      metadata.remember(["search", query.toLowerCase(), String(limit)], SEARCH_S, () => there.search(query, limit)),
    ),
  ]);
  const results = [...own.found, ...(theirs.found ?? [])].slice(0, limit);
  const unreachable = [...own.unreachable, ...(theirs.found === null ? [DOCKER_HUB.host] : [])];
  if (theirs.found === null && results.length === 0) {
    const inReach = (await registries.own()).filter(({ reachable }) => reachable);
    // Nothing was found because nobody could be asked: that is another answer than that there is nothing.
    if (inReach.length === 0) throw nothingInReach(theirs.reason, unreachable);
  }
  await send(call.request, call.response, json({ query, num_results: results.length, results, unreachable }));
}

export async function popular(call: Call, { hub, metadata, registries }: SearchParts): Promise<void> {
  const { found, reason } = await fromHub(hub, async (there) =>
    metadata.remember(["popular"], POPULAR_S, () => there.popular()),
  );
  if (found === null) {
    const inReach = (await registries.own()).filter(({ reachable }) => reachable).map(({ host }) => host);
    throw nothingInReach(reason, [DOCKER_HUB.host], inReach);
  }
  const headers = { "cache-control": "public, max-age=300" };
  await send(call.request, call.response, json({ num_results: found.length, results: found }, headers));
}

export async function listRegistries(call: Call, { registries }: SearchParts): Promise<void> {
  const all = await registries.all();
  const shown = all.map(({ repositories, ...rest }) => ({
    ...rest,
    repositories: repositories.map((name) => `${rest.host}/${name}`),
  }));
  await send(call.request, call.response, json({ registries: shown }));
}

async function fromHub(
  hub: Hub | null,
  ask: (hub: Hub) => Promise<FoundImage[]>,
): Promise<{ readonly found: FoundImage[] | null; readonly reason: string }> {
  if (hub === null) return { found: null, reason: `${DOCKER_HUB.title} is not asked here` };
  try {
    return { found: await ask(hub), reason: "" };
  } catch (error) {
    if (error instanceof Unreachable) return { found: null, reason: error.message };
    throw error;
  }
}

function nothingInReach(reason: string, unreachable: readonly string[], registries: readonly string[] = []): ApiError {
  return new ApiError(503, "HUB_UNREACHABLE", reason, { fields: { unreachable, registries } });
}
