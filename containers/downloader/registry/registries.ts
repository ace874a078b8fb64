/**
 * The registries that images come from. What a visitor's user and password gave (tokens, and what was read with them) is
 * kept for as long as one download, and is nobody else's.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { UpstreamBlob } from "../../../src/registry/upstream/blobs.ts";
import { upstreamRegistry, type UpstreamRegistry } from "../../../src/registry/upstream/client.ts";
import type { UpstreamAnswer } from "../../../src/registry/upstream/failure.ts";
import type { ManifestHead, UpstreamManifest } from "../../../src/registry/upstream/manifests.ts";
import type { ByteRange } from "../../../src/registry/upstream/range.ts";
import { TokenCache, type Login } from "../../../src/registry/upstream/tokens.ts";
import type { Clock, Fetch, Limits } from "../../../src/registry/upstream/transport.ts";
import { DownloadError } from "../errors.ts";
import { valueOf } from "./failures.ts";

export type { Login };

/** A registry that the operator names. */
export interface RegistryAlias {
  /** As references write it: `127.0.0.1:8787`. */
  readonly host: string;
  /** Where it answers: `http://registry.gantry.internal`. Null: at its name. */
  readonly url: string | null;
  /** Whether its layers are kept in the cache, where there is one. */
  readonly cache: boolean;
}

export interface RegistriesOptions {
  readonly aliases: readonly RegistryAlias[];
  /** Registries on this machine and in its network are asked too. Not where strangers are let in. */
  readonly allowPrivate: boolean;
  readonly fetch: Fetch;
  /** For blobs; what is left out is `fetch`. */
  readonly bulkFetch?: Fetch;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
}

/** One registry, for one visitor. */
export interface Registry {
  readonly domain: string;
  /** It is read with somebody's password: nothing of it may be served to anybody else. */
  readonly isPrivate: boolean;
  /** Its layers may be in the cache, and may come from there. */
  readonly isCached: boolean;
  head(repository: string, target: string): Promise<ManifestHead>;
  manifest(repository: string, target: string): Promise<UpstreamManifest>;
  /** Whether it has the blob. */
  has(repository: string, digest: Digest): Promise<boolean>;
  /** Unverified. A signal ends the request and what is read of its answer. */
  blob(request: RegistryBlobRequest, signal: AbortSignal): Promise<UpstreamBlob>;
  tags(repository: string, page: { limit: number; next: string | null }): ReturnType<UpstreamRegistry["tags"]>;
}

export interface RegistryBlobRequest {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
  readonly range?: ByteRange;
}

export class Registries {
  readonly #options: RegistriesOptions;
  readonly #tokens = new TokenCache();

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  get aliases(): readonly RegistryAlias[] {
    return this.#options.aliases;
  }

  /** Null: as nobody. Throws `REGISTRY_REFUSED`. */
  open(domain: string, login: Login | null): Registry {
    const { aliases, allowPrivate, clock, limits } = this.#options;
    const alias = aliases.find(({ host }) => host === domain);
    const tokens = login === null ? this.#tokens : new TokenCache();
    const client = (fetch: Fetch): UpstreamRegistry => {
      const registry = upstreamRegistry({
        domain,
        fetch,
        login: async () => login,
        tokens,
        allowPrivate,
        ...(alias?.url == null ? {} : { endpoint: { origin: new URL(alias.url).origin, isPrivate: true } }),
        ...(clock === undefined ? {} : { clock }),
        ...(limits === undefined ? {} : { limits }),
      });
      if (typeof registry === "string") throw new DownloadError("REGISTRY_REFUSED", registry);
      return registry;
    };
    const { fetch, bulkFetch = fetch } = this.#options;
    const plain = client(fetch);
    const until = (signal: AbortSignal) => client(async (url, init) => await bulkFetch(url, withSignal(init, signal)));
    const shown = <T>(answer: UpstreamAnswer<T>): UpstreamAnswer<T> => underItsName(answer, alias);
    const nameOf = (repository: string, target: string) =>
      `${domain}/${repository}${target.includes(":") ? "@" : ":"}${target}`;
    return {
      domain,
      isPrivate: login !== null,
      isCached: login === null && alias?.cache !== false,
      head: async (repository, target) =>
        valueOf(shown(await plain.headManifest(repository, target)), nameOf(repository, target)),
      manifest: async (repository, target) =>
        valueOf(shown(await plain.manifest(repository, target)), nameOf(repository, target)),
      has: async (repository, digest) => {
        const answer = await plain.headBlob(repository, digest);
        if (!answer.ok && answer.failure.code === "NOT_FOUND") return false;
        valueOf(shown(answer), nameOf(repository, digest));
        return true;
      },
      blob: async (request, signal) =>
        valueOf(shown(await until(signal).blob(request)), nameOf(request.repository, request.digest)),
      tags: async (repository, page) => await plain.tags(repository, page),
    };
  }
}

/** What is said of a registry names it as its visitors do, wherever it answers. */
function underItsName<T>(answer: UpstreamAnswer<T>, alias: RegistryAlias | undefined): UpstreamAnswer<T> {
  if (answer.ok || alias?.url == null) return answer;
  const message = answer.failure.message.replaceAll(new URL(alias.url).host, alias.host);
  return { ok: false, failure: { ...answer.failure, message } };
}

function withSignal(init: RequestInit, signal: AbortSignal): RequestInit {
  return { ...init, signal: init.signal == null ? signal : AbortSignal.any([init.signal, signal]) };
}
