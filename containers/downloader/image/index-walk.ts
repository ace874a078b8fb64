/**
 * What an index offers: its images by platform, those of indexes inside it too. What goes with an image (signatures,
 * attestations) is none, and what nobody knows is passed over.
 */
import { isRecord } from "../../../src/registry/oci/descriptor.ts";
import { isDigest, type Digest } from "../../../src/registry/oci/digest.ts";
import { isSchema1, kindOf } from "../../../src/registry/oci/media-types.ts";
import { DownloadError } from "../errors.ts";
import { distance, formatPlatform, normalised, type Platform } from "./platform.ts";

export interface Offer {
  readonly digest: Digest;
  /** Null where the index does not say; its config does. */
  readonly platform: Platform | null;
}

const MAX_DEPTH = 4;
const MAX_INDEXES = 32;
const MAX_OFFERS = 10_000;
/** Of those that are named to a visitor. */
const MAX_NAMES = 100;
/** As long as people may write it. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

interface Entry extends Offer {
  readonly isIndex: boolean;
}

/** In order. `read`: the bytes of another manifest of the same repository. */
export async function offersOf(
  bytes: Uint8Array,
  read: (digest: Digest) => Promise<Uint8Array>,
): Promise<readonly Offer[]> {
  const seen = new Set<Digest>();
  const walk = async (index: Uint8Array, depth: number): Promise<Offer[]> => {
    const offers: Offer[] = [];
    for (const { isIndex, digest, platform } of entriesOf(index)) {
      if (!isIndex) offers.push({ digest, platform });
      else if (!seen.has(digest)) {
        seen.add(digest);
        if (depth === MAX_DEPTH || seen.size > MAX_INDEXES) {
          throw new DownloadError("NOT_AN_IMAGE", "there are too many indexes inside the index of this image");
        }
        offers.push(...(await walk(await read(digest), depth + 1)));
      }
    }
    if (offers.length > MAX_OFFERS) {
      throw new DownloadError("NOT_AN_IMAGE", "there are too many images in the index of this image");
    }
    return offers;
  };
  return await walk(bytes, 1);
}

/** The nearest, and of several that are equally near the first. Null where none fits. */
export function nearest<T extends { readonly platform: Platform }>(wanted: Platform, offers: readonly T[]): T | null {
  let best: T | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const offer of offers) {
    const far = distance(wanted, offer.platform);
    if (far === null || far >= least) continue;
    best = offer;
    least = far;
  }
  return best;
}

export function platformNames(offers: readonly Offer[]): string[] {
  const names = new Set(offers.flatMap(({ platform }) => (platform === null ? [] : [formatPlatform(platform)])));
  return [...names].slice(0, MAX_NAMES);
}

/** Of fields as manifests and configs write them; null where they say none. */
export function platformOf(fields: unknown): Platform | null {
  if (!isRecord(fields)) return null;
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  const [os, architecture] = [text("os"), text("architecture")];
  if (os === "unknown" || architecture === "unknown") return null;
  // Nobody could ask for what is none of these.
  const [variant, osVersion] = [text("variant"), text("os.version")];
  const parts = [os, architecture, ...[variant, osVersion].filter((part) => part !== "")];
  return parts.every((part) => NAME.test(part)) ? normalised({ os, architecture, variant, osVersion }) : null;
}

function entriesOf(bytes: Uint8Array): Entry[] {
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { readonly manifests?: unknown };
  return (Array.isArray(manifests) ? manifests : []).flatMap((entry: unknown): Entry[] => {
    if (!isRecord(entry) || typeof entry["digest"] !== "string" || !isDigest(entry["digest"])) return [];
    const mediaType = typeof entry["mediaType"] === "string" ? entry["mediaType"] : "";
    const kind = kindOf(mediaType);
    const isKnown = kind === "image" || kind === "index" || mediaType === "" || isSchema1(mediaType);
    if (!isKnown || isBeside(entry)) return [];
    return [{ digest: entry["digest"], platform: platformOf(entry["platform"]), isIndex: kind === "index" }];
  });
}

/** Attestations say so twice, and older ones once. */
function isBeside({ annotations, platform }: Record<string, unknown>): boolean {
  if (isRecord(annotations) && typeof annotations["vnd.docker.reference.type"] === "string") return true;
  return isRecord(platform) && (platform["os"] === "unknown" || platform["architecture"] === "unknown");
}
