/**
 * An image reference by the book: `[host[:port]/]path[:tag][@digest]`. What has no host is Docker Hub's, and one word of
 * it is `library/<word>`, as docker reads it.
 */
import { isDigest, type Digest } from "./digest.ts";
import { isRepository, isTag } from "./names.ts";

export interface ImageReference {
  /** `docker.io`, `localhost:5000`; lower case. */
  readonly domain: string;
  readonly repository: string;
  /** `latest` where neither tag nor digest is written. */
  readonly tag: string | null;
  readonly digest: Digest | null;
}

export const DOCKER_HUB = "docker.io";
const DEFAULT_TAG = "latest";
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$/i;

export type ParsedReference =
  | { readonly ok: true; readonly reference: ImageReference }
  | { readonly ok: false; readonly reason: string };

export function parseImageReference(text: string): ParsedReference {
  const at = text.indexOf("@");
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest))
    return wrong(`${digest.slice(0, 100)} is no digest: sha256: and 64 hex digits`);
  const named = at < 0 ? text : text.slice(0, at);
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const tag = colon < 0 ? null : named.slice(colon + 1);
  if (tag !== null && !isTag(tag))
    return wrong(`${tag.slice(0, 130)} is no tag: letters, digits, _, . and -, at most 128`);
  const name = colon < 0 ? named : named.slice(0, colon);
  const { domain, path } = splitHost(name);
  const repository = domain === DOCKER_HUB && !path.includes("/") ? `library/${path}` : path;
  if (!HOST.test(domain)) return wrong(`${domain.slice(0, 100)} is no host`);
  if (!isRepository(repository)) {
    return wrong(`${path.slice(0, 100)} is no repository: lower-case letters, digits, and ., _, - or / between them`);
  }
  const reference = { domain, repository, tag: tag ?? (digest === null ? DEFAULT_TAG : null), digest };
  return { ok: true, reference };
}

/** With everything that was left out. */
export function formatReference({ domain, repository, tag, digest }: ImageReference): string {
  return `${domain}/${repository}${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}`;
}

/** The first part is a host where it has a dot or a port, is in capitals, or is `localhost`. */
function splitHost(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (!isHost) return { domain: DOCKER_HUB, path: name };
  const domain = first.toLowerCase();
  return { domain: domain === "index.docker.io" ? DOCKER_HUB : domain, path: name.slice(slash + 1) };
}

function wrong(reason: string): ParsedReference {
  return { ok: false, reason };
}
