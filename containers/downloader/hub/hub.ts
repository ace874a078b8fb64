/** What Docker Hub says of its images: searches, the popular ones, one repository, its tags. */
import { HubClient, Unreachable } from "./client.ts";
import { listedRepository, searchHit, type FoundImage } from "./found.ts";
import { amount, fields, list, shortText, type Fields } from "./untrusted.ts";

const MAX_POPULAR = 30;
const MAX_DESCRIPTION = 100_000;

export interface HubTag {
  readonly name: string;
  readonly last_updated: string | null;
  /** Of the platform that the Hub counts as the tag's own, compressed. */
  readonly full_size: number;
  readonly digest: string | null;
  readonly platforms: readonly { readonly platform: string; readonly size: number; readonly digest: string | null }[];
}

export interface HubTags {
  readonly count: number;
  readonly next: number | null;
  readonly tags: readonly HubTag[];
}

export class Hub {
  readonly #client: HubClient;

  constructor(base: string) {
    this.#client = new HubClient(base);
  }

  async search(query: string, limit: number): Promise<FoundImage[]> {
    const page = await this.#client.get("/v2/search/repositories/", { query, page_size: String(limit), page: "1" });
    return images(page, searchHit).slice(0, limit);
  }

  /** Official images and those that most others pull, by pulls. One of the two lists is enough. */
  async popular(): Promise<FoundImage[]> {
    const lists = await Promise.allSettled([
      this.#client.get("/v2/repositories/library/", { page_size: "100", ordering: "-pull_count" }),
      this.#client.get("/v2/search/repositories/", { query: "*", page_size: "50", ordering: "-pull_count" }),
    ]);
    const [official, pulled] = lists;
    if (lists.every(({ status }) => status === "rejected")) {
      throw official.status === "rejected" ? official.reason : new Unreachable("Docker Hub could not be reached");
    }
    const found = [
      ...(official.status === "fulfilled" ? images(official.value, listedRepository) : []),
      ...(pulled.status === "fulfilled" ? images(pulled.value, searchHit) : []),
    ];
    const byName = new Map(found.toReversed().map((one) => [one.name, one]));
    return [...byName.values()]
      .toSorted((one, other) => (other.pull_count ?? 0) - (one.pull_count ?? 0))
      .slice(0, MAX_POPULAR);
  }

  /** Null: the Hub has no such repository, or shows it to nobody. */
  async repository(path: string): Promise<Fields | null> {
    const found = await this.#client.get(`/v2/repositories/${path}/`);
    if (found === null) return null;
    return {
      description: shortText(found["description"]),
      full_description: shortText(found["full_description"], MAX_DESCRIPTION),
      star_count: amount(found["star_count"]),
      pull_count: amount(found["pull_count"]),
      last_updated: shortText(found["last_updated"], 40) || null,
      is_official: path.startsWith("library/"),
      is_automated: found["is_automated"] === true,
    };
  }

  /** Null: there is no such repository. */
  async tags(path: string, page: number, pageSize: number): Promise<HubTags | null> {
    const found = await this.#client.get(`/v2/repositories/${path}/tags/`, {
      page: String(page),
      page_size: String(pageSize),
    });
    if (found === null) return null;
    return {
      count: amount(found["count"]),
      next: typeof found["next"] === "string" && found["next"] !== "" ? page + 1 : null,
      tags: list(found["results"]).flatMap(tag),
    };
  }
}

function tag(value: Fields): HubTag[] {
  const name = shortText(value["name"], 128);
  if (!/^\w[\w.-]*$/.test(name)) return [];
  const platforms = list(value["images"]).flatMap((one) => {
    const os = shortText(one["os"], 40);
    const architecture = shortText(one["architecture"], 40);
    // Attestations are no images.
    if (os === "" || architecture === "" || os === "unknown" || architecture === "unknown") return [];
    const variant = shortText(one["variant"], 40);
    const platform = [os, architecture, ...(variant === "" ? [] : [variant])].join("/");
    return [{ platform, size: amount(one["size"]), digest: shortText(one["digest"], 200) || null }];
  });
  return [
    {
      name,
      last_updated: shortText(value["last_updated"], 40) || null,
      full_size: amount(value["full_size"]),
      digest: shortText(value["digest"], 200) || null,
      platforms,
    },
  ];
}

function images(page: Fields | null, read: (value: Fields) => FoundImage | null): FoundImage[] {
  return list(fields(page)["results"]).flatMap((value) => read(value) ?? []);
}
