/** What a registry of the operator's has, by its own list of repositories, and whether it answers at all. */
import type { ConfiguredRegistry } from "../config.ts";
import { fields } from "./untrusted.ts";

export interface Catalog {
  readonly isReachable: boolean;
  /** Why not, in words; null when it is. */
  readonly reason: string | null;
  /** Without its host. Empty too where it lists them to nobody. */
  readonly repositories: readonly string[];
}

const TIMEOUT_MS = 4_000;
const PAGE = 1_000;
const MAX_PAGES = 5;
const MAX_BYTES = 2_097_152;
const REPOSITORY = /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/;

export async function catalogOf({ host, url: ownUrl, title }: ConfiguredRegistry): Promise<Catalog> {
  const url = ownUrl ?? `https://${host}`;
  const repositories: string[] = [];
  let query: string | null = `?n=${PAGE}`;
  try {
    for (let page = 0; page < MAX_PAGES && query !== null; page += 1) {
      const response: Response = await fetch(`${url}/v2/_catalog${query}`, {
        headers: { accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      // Those that do not list what they have are in reach all the same.
      if ([401, 404, 405].includes(response.status)) break;
      if (response.status !== 200) return away(`${title} answers with status ${response.status}`);
      if (text.length > MAX_BYTES) break;
      const { repositories: names } = fields(JSON.parse(text));
      for (const name of Array.isArray(names) ? (names as unknown[]) : []) {
        if (typeof name === "string" && name.length <= 255 && isOfImages(name)) repositories.push(name);
      }
      query = nextQuery(response.headers.get("link"), url);
    }
  } catch {
    return away(`${title} could not be reached`);
  }
  return { isReachable: true, reason: null, repositories: [...new Set(repositories)] };
}

/** Templates of projects, which Gantry keeps in its registry too, are no images. */
function isOfImages(name: string): boolean {
  return REPOSITORY.test(name) && !name.startsWith("templates/");
}

/** Of the same list of the same registry, whatever host it says. */
function nextQuery(link: string | null, url: string): string | null {
  const [, target] = /<([^<>]{1,4096})>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(link ?? "") ?? [];
  const next = target === undefined ? null : URL.parse(target, `${url}/v2/_catalog`);
  return next === null || next.pathname !== "/v2/_catalog" || next.search === "" ? null : next.search;
}

function away(reason: string): Catalog {
  return { isReachable: false, reason, repositories: [] };
}
