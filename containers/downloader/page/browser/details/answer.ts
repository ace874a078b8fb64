/** What the server says of an image and of its tags. */
import { asList, asNumber, asRecord, asText, texts } from "../shapes.ts";

export interface Layer {
  readonly digest: string;
  readonly size: number;
  readonly command: string | undefined;
}

export interface ImageDetails {
  readonly description: string | undefined;
  readonly stars: number | undefined;
  readonly pulls: number | undefined;
  readonly isOfficial: boolean;
  readonly digest: string | undefined;
  readonly created: string | undefined;
  readonly platform: string | undefined;
  readonly platforms: readonly string[];
  readonly layers: readonly Layer[];
}

export function readDetails(value: unknown): ImageDetails {
  const details = asRecord(value);
  const image = "layers" in details ? details : asRecord(details["manifest"] ?? details["resolved"]);
  return {
    description: asText(details["description"]),
    stars: asNumber(details["star_count"]),
    pulls: asNumber(details["pull_count"]),
    isOfficial: details["is_official"] === true,
    digest: asText(image["digest"]),
    created: asText(image["created"]),
    platform: asText(image["platform"]),
    platforms: asList(details["platforms"]).flatMap((one) => asText(one) ?? asText(asRecord(one)["platform"]) ?? []),
    layers: asList(image["layers"]).map((one) => {
      const layer = asRecord(one);
      return {
        digest: asText(layer["digest"]) ?? "",
        size: asNumber(layer["size"]) ?? 0,
        command: asText(layer["created_by"]),
      };
    }),
  };
}

export interface TagPage {
  readonly tags: readonly string[];
  readonly next: number | undefined;
}

export function readTags(value: unknown): TagPage {
  const page = asRecord(value);
  const tags = asList(page["tags"]).flatMap((one) => asText(one) ?? asText(asRecord(one)["name"]) ?? []);
  return { tags: tags.length > 0 ? tags : texts(page["results"]), next: asNumber(page["next"]) };
}
