/** Registries that are in reach, and what is in those of the operator's own: known for a minute. */
import type { MetadataCache } from "../cache/metadata.ts";
import { catalogOf } from "../hub/catalog.ts";
import { DOCKER_HUB, type FoundImage } from "../hub/found.ts";
import type { Hub } from "../hub/hub.ts";
import type { ConfiguredRegistry } from "../config.ts";

export interface Reach {
  readonly host: string;
  readonly title: string;
  readonly reachable: boolean;
  readonly reason: string | null;
  /** Names without the host. */
  readonly repositories: readonly string[];
}

const REMEMBER_S = 60;
/** Those that are away may be back at any time. */
const AWAY_MS = 5_000;

export class RegistriesInReach {
  readonly #aliases: readonly ConfiguredRegistry[];
  readonly #hub: Hub | null;
  readonly #metadata: MetadataCache;
  readonly #away = new Map<string, { readonly reach: Reach; readonly until: number }>();

  constructor(aliases: readonly ConfiguredRegistry[], hub: Hub | null, metadata: MetadataCache) {
    this.#aliases = aliases;
    this.#hub = hub;
    this.#metadata = metadata;
  }

  /** The operator's own first, then Docker Hub. */
  async all(): Promise<Reach[]> {
    const [own, hub] = await Promise.all([this.own(), this.#hubReach()]);
    return hub === null ? own : [...own, hub];
  }

  async own(): Promise<Reach[]> {
    return await Promise.all(this.#aliases.map(async (alias) => await this.#reachOf(alias)));
  }

  titleOf(host: string): string {
    if (host === DOCKER_HUB.host) return DOCKER_HUB.title;
    return this.#aliases.find((alias) => alias.host === host)?.title ?? host;
  }

  /** Those whose name has all the words in it. */
  async search(query: string): Promise<{ readonly found: FoundImage[]; readonly unreachable: string[] }> {
    const words = query.toLowerCase().split(/\s+/);
    const own = await this.own();
    const found = own.flatMap(({ host, title, repositories }) =>
      repositories
        .filter((name) => words.every((word) => `${host}/${name}`.includes(word)))
        .map((name) => ({
          name: `${host}/${name}`,
          description: "",
          star_count: 0,
          is_official: false,
          is_automated: false,
          registry: host,
          registry_title: title,
        })),
    );
    return { found, unreachable: own.filter(({ reachable }) => !reachable).map(({ host }) => host) };
  }

  async #reachOf(alias: ConfiguredRegistry): Promise<Reach> {
    const { host, title } = alias;
    // Of one of this name, Docker Hub's own API says what there is.
    if (host === DOCKER_HUB.host) return { host, title, reachable: true, reason: null, repositories: [] };
    return await this.#known(host, async () => {
      const { isReachable, reason, repositories } = await catalogOf(alias);
      return { host, title, reachable: isReachable, reason, repositories };
    });
  }

  async #hubReach(): Promise<Reach | null> {
    const hub = this.#hub;
    const { host, title } = DOCKER_HUB;
    if (this.#aliases.some((alias) => alias.host === host)) return null;
    if (hub === null) return { host, title, reachable: false, reason: `${title} is not asked`, repositories: [] };
    return await this.#known(host, async () => {
      try {
        await hub.repository("library/hello-world");
        return { host, title, reachable: true, reason: null, repositories: [] };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { host, title, reachable: false, reason, repositories: [] };
      }
    });
  }

  /** What is in reach for a minute, what is not for a moment, and that in this instance alone. */
  async #known(host: string, find: () => Promise<Reach>): Promise<Reach> {
    const away = this.#away.get(host);
    if (away !== undefined && away.until > Date.now()) return away.reach;
    try {
      return await this.#metadata.remember(["reach", host], REMEMBER_S, async () => {
        const reach = await find();
        if (!reach.reachable) throw new Away(reach);
        return reach;
      });
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      this.#away.set(host, { reach: error.reach, until: Date.now() + AWAY_MS });
      return error.reach;
    }
  }
}

/** Not to be remembered: only what was found is. */
class Away extends Error {
  readonly reach: Reach;

  constructor(reach: Reach) {
    super(reach.reason ?? "not in reach");
    this.reach = reach;
  }
}
