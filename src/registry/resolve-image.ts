/**
 * From an image as a configuration writes it to the name under which this Worker was deployed with it. The same
 * function decides at admission and at every launch. Three forms: a declared name; one in the account's part of the
 * managed registry; `proto://name:tag`, which is looked for in each of the protocol's registries, in order.
 */
import type { ErrorCode } from "../errors.ts";

/** A place that a protocol stands for. */
export interface ImageSource {
  readonly domain: string;
  /** Between domain and name; may be empty. */
  readonly path: string;
}

export interface ImageCatalog {
  /** Names of the images that this Worker was deployed with. */
  readonly declared: readonly string[];
  readonly managedDomain: string;
  readonly accountId: string;
}

export type ImageResolution =
  | { readonly found: true; readonly name: string }
  | { readonly found: false; readonly code: ErrorCode; readonly reason: string };

/** The protocol that an image is written with; null for an ordinary reference. */
export function protocolOf(image: string): string | null {
  return /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(image)?.[1] ?? null;
}

/** `sources`: the places of the image's protocol; null when it has none, or the account does not know it. */
export function resolveImage(
  image: string,
  sources: readonly ImageSource[] | null,
  catalog: ImageCatalog,
): ImageResolution {
  const protocol = protocolOf(image);
  if (protocol === null) {
    const owner = managedPart(image, catalog)?.owner ?? null;
    if (owner !== null && owner !== catalog.accountId) {
      const reason = `${image} belongs to another account than ${catalog.accountId}`;
      return { found: false, code: "VALIDATE_INPUT", reason };
    }
    const name = declaredName(image, catalog);
    return name === null ? missing([image], catalog) : { found: true, name };
  }
  if (sources === null) {
    const reason = `there is no registry protocol ${protocol}: create it with POST /registries/protos`;
    return { found: false, code: "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND", reason };
  }
  const rest = image.slice(protocol.length + "://".length);
  const tried = sources.map(({ domain, path }) => [domain, path, rest].filter((part) => part !== "").join("/"));
  for (const candidate of tried) {
    const name = declaredName(candidate, catalog);
    if (name !== null) return { found: true, name };
  }
  return missing(tried, catalog);
}

function declaredName(image: string, catalog: ImageCatalog): string | null {
  if (catalog.declared.includes(image)) return image;
  const part = managedPart(image, catalog);
  if (part === null || (part.owner !== null && part.owner !== catalog.accountId)) return null;
  return catalog.declared.includes(part.name) ? part.name : null;
}

/** `<managed domain>/[<account>/]<name>`: an owner of null is the account itself. */
function managedPart(image: string, { managedDomain }: ImageCatalog): { owner: string | null; name: string } | null {
  if (!image.startsWith(`${managedDomain}/`)) return null;
  const rest = image.slice(managedDomain.length + 1);
  const match = /^([0-9a-f]{32})\/(.+)$/.exec(rest);
  return { owner: match?.[1] ?? null, name: match?.[2] ?? rest };
}

function missing(tried: readonly string[], { declared }: ImageCatalog): ImageResolution {
  const reason = `no image ${tried.join(" or ")} is declared; declared: ${declared.join(", ")}`;
  return { found: false, code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE", reason };
}
