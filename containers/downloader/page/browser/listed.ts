/** Images as searches and lists name them, and the badges of where they are from. */
import { h } from "./dom.ts";
import { t } from "./language.ts";
import { asList, asNumber, asRecord, asText } from "./shapes.ts";

export interface Listed {
  /** The reference that is asked for, without a tag. */
  readonly image: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly stars?: number | undefined;
  readonly pulls?: number | undefined;
  readonly isOfficial: boolean;
  /** What its registry is called. */
  readonly registry: string;
  /** Of a registry of this installation. */
  readonly isOwn: boolean;
}

const HUB = "docker.io";

export function readListed(value: unknown): readonly Listed[] {
  return asList(value).flatMap((one) => {
    const found = asRecord(one);
    const image = asText(found["name"]);
    if (image === undefined) return [];
    const registry = asText(found["registry"]) ?? HUB;
    return {
      image,
      name: image.startsWith(`${registry}/`) ? image.slice(registry.length + 1) : image,
      description: asText(found["description"]),
      stars: asNumber(found["star_count"]),
      pulls: asNumber(found["pull_count"]),
      isOfficial: found["is_official"] === true,
      registry: asText(found["registry_title"]) ?? registry,
      isOwn: registry !== HUB,
    };
  });
}

export function badges(registry: string, isOwn: boolean, isOfficial: boolean): HTMLElement[] {
  const origin = h("span", { class: isOwn ? "badge own" : "badge" }, registry);
  return isOfficial ? [origin, h("span", { class: "badge official" }, t().official)] : [origin];
}
