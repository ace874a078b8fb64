/**
 * A registry of somebody else, read: what it is asked, and what it answered or why not. It writes nothing anywhere and
 * holds nothing but tokens. Runs in Workers and in Node.
 */
import type { Digest } from "../oci/digest.ts";
import { getBlob, headBlob, type BlobRequest, type UpstreamBlob } from "./blobs.ts";
import { endpointOf, upstreamRepository, type Endpoint } from "./domains.ts";
import { answered, type UpstreamAnswer } from "./failure.ts";
import { getManifest, headManifest, type ManifestHead, type UpstreamManifest } from "./manifests.ts";
import type { Session } from "./session.ts";
import { listTags, type UpstreamTags } from "./tags.ts";
import { TokenCache, type Login } from "./tokens.ts";
import { DEFAULT_LIMITS, systemClock, type Clock, type Fetch, type Limits } from "./transport.ts";

export interface UpstreamOptions {
  /** `docker.io`, `ghcr.io`, `localhost:5000`. */
  readonly domain: string;
  readonly fetch: Fetch;
  /** Null: nobody. */
  readonly login: () => Promise<Login | null>;
  /** Shared by whoever may share tokens: each is kept by the credentials that it was given for. */
  readonly tokens: TokenCache;
  /** The registry itself may be on this machine or in its network. In development alone. */
  readonly allowPrivate: boolean;
  /** Where it answers, for whoever has it elsewhere than at its name. */
  readonly endpoint?: Endpoint;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
}

/** Repositories are named without the domain; one word at Docker Hub is `library/<word>`. */
export interface UpstreamRegistry {
  readonly domain: string;
  headManifest(repository: string, reference: string): Promise<UpstreamAnswer<ManifestHead>>;
  manifest(repository: string, reference: string): Promise<UpstreamAnswer<UpstreamManifest>>;
  headBlob(repository: string, digest: Digest): Promise<UpstreamAnswer<{ size: number | null }>>;
  /** Not verified: `verified(body, digest)` does it. Its stream fails with an `UpstreamError`. */
  blob(request: BlobRequest): Promise<UpstreamAnswer<UpstreamBlob>>;
  tags(
    repository: string,
    page: { readonly limit: number; readonly next: string | null },
  ): Promise<UpstreamAnswer<UpstreamTags>>;
}

/** Text: why the domain is not asked. */
export function upstreamRegistry(options: UpstreamOptions): UpstreamRegistry | string {
  const { domain, fetch, login, tokens, allowPrivate, clock = systemClock } = options;
  const endpoint = options.endpoint ?? endpointOf(domain, allowPrivate);
  if (typeof endpoint === "string") return endpoint;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const session: Session = { transport: { endpoint, fetch, clock, limits }, tokens, login };
  const named = (repository: string) => upstreamRepository(domain, repository);
  return {
    domain,
    headManifest: async (repository, reference) =>
      await answered(async () => await headManifest(session, named(repository), reference)),
    manifest: async (repository, reference) =>
      await answered(async () => await getManifest(session, named(repository), reference)),
    headBlob: async (repository, digest) =>
      await answered(async () => await headBlob(session, named(repository), digest)),
    blob: async (request) =>
      await answered(async () => await getBlob(session, { ...request, repository: named(request.repository) })),
    tags: async (repository, page) => await answered(async () => await listTags(session, named(repository), page)),
  };
}
