/**
 * Which repositories are those of another registry: `<prefix>/<name>`, where a registry of the account is configured so.
 * Remembered for moments, since every request of a registry client asks.
 */
import type { PullThroughSource } from "../../account/registries.ts";
import { accountExists } from "../../api/account-directory.ts";
import { accountStub } from "../../stubs.ts";
import { DOCKER_HUB } from "../oci/image-reference.ts";
import { ownerOf } from "../oci/names.ts";
import { OciError } from "../oci/oci-error.ts";

export interface PullThroughPlace {
  readonly source: PullThroughSource;
  /** As the other registry calls it. */
  readonly repository: string;
}

const REMEMBERED_MS = 5_000;
const MAX_REMEMBERED = 1_000;

const remembered = new Map<string, { readonly sources: readonly PullThroughSource[]; readonly until: number }>();

/** Null: an ordinary repository. */
export async function placeOf(env: Env, accountId: string, repository: string): Promise<PullThroughPlace | null> {
  const slash = repository.indexOf("/");
  if (slash < 0) return null;
  const prefix = repository.slice(0, slash);
  const source = (await sourcesOf(env, accountId)).find((one) => one.prefix === prefix);
  return source === undefined ? null : { source, repository: repository.slice(slash + 1) };
}

/** What is below a prefix is another registry's: a push would be undone by the next refresh. Null: it may be pushed to. */
export async function refusalOfPush(env: Env, accountId: string, repository: string): Promise<OciError | null> {
  const place = await placeOf(env, accountId, repository);
  if (place === null) return null;
  const { domain, prefix } = place.source;
  const message = `${prefix}/… are images of ${domain}, which are only pulled through here: push to ${domain}, or under another name`;
  return new OciError("DENIED", message, { detail: { repository } });
}

/**
 * containerd asks a mirror with the image's own name, and says by `ns` of which registry: the name below that one's
 * prefix. `account`: whose a name is that says none.
 */
export async function mirroredName(
  env: Env,
  name: string,
  ns: string | null,
  account: () => Promise<string>,
): Promise<string> {
  if (ns === null || ns === "") return name;
  const owned = ownerOf(name);
  const domain = ns.toLowerCase() === "index.docker.io" ? DOCKER_HUB : ns.toLowerCase();
  const accountId = owned.accountId ?? (await account());
  // An account that nobody made would get an object.
  if (!(await accountExists(env, accountId))) return name;
  const sources = await sourcesOf(env, accountId);
  const source = sources.find((one) => one.domain === domain);
  if (source === undefined || owned.repository.startsWith(`${source.prefix}/`)) return name;
  const before = owned.accountId === null ? "" : `${owned.accountId}/`;
  return `${before}${source.prefix}/${owned.repository}`;
}

/** Somebody has just changed them here. */
export function forgetPullThroughs(accountId: string): void {
  remembered.delete(accountId);
}

async function sourcesOf(env: Env, accountId: string): Promise<readonly PullThroughSource[]> {
  const now = Date.now();
  const known = remembered.get(accountId);
  if (known !== undefined && known.until > now) return known.sources;
  const sources: PullThroughSource[] = await accountStub(env, accountId).pullThroughs();
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(accountId, { sources, until: now + REMEMBERED_MS });
  return sources;
}
