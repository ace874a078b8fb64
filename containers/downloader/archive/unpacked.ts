/**
 * An image with its zstd layers unpacked, for engines that cannot read them. Its config stays, and with it the image's id:
 * that names layers by what is in them. The manifest names the unpacked layers, and is another than the registry's.
 */
import { digestOfBytes, type Digest } from "../../../src/registry/oci/digest.ts";
import { DownloadError } from "../errors.ts";
import type { ImageLayer, ResolvedImage, Verified } from "../image/types.ts";
import type { ArchivedImage, ArchivedLayer } from "./layout.ts";

export type UnpackedSizes = ReadonlyMap<Digest, number>;

const RAW = {
  oci: "application/vnd.oci.image.layer.v1.tar",
  docker: "application/vnd.docker.image.rootfs.diff.tar",
} as const;

/** Their sizes have to be known before the archive can be planned. */
export function layersToUnpack(images: readonly ResolvedImage[]): readonly ImageLayer[] {
  const layers = images.flatMap((image) => image.layers.filter(({ compression }) => compression === "zstd"));
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

export async function unpackedImage(source: ResolvedImage, sizes: UnpackedSizes): Promise<ArchivedImage> {
  const layers = source.layers.map((layer) => {
    const { digest, size, compression, diffId } = layer;
    if (compression !== "zstd") return { digest, size, stored: { digest, size, isUnpacked: false } };
    const unpacked = sizes.get(digest);
    if (diffId === null || unpacked === undefined) {
      throw new DownloadError("NOT_AN_IMAGE", `${source.name} does not say what is in its layer ${digest}`);
    }
    return { digest: diffId, size: unpacked, stored: { digest, size, isUnpacked: true } };
  });
  if (layers.every(({ stored }) => !stored.isUnpacked)) return { source, manifest: source.manifest, layers };
  return { source, manifest: await renamed(source.manifest, layers), layers };
}

/** The manifest with the layers as they are now; everything else of it stays. */
async function renamed({ mediaType, bytes }: Verified, layers: readonly ArchivedLayer[]): Promise<Verified> {
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as { readonly layers: readonly object[] };
  const raw = mediaType.startsWith("application/vnd.docker.") ? RAW.docker : RAW.oci;
  const named = layers.map(({ digest, size, stored }, index) =>
    stored.isUnpacked ? { mediaType: raw, digest, size } : manifest.layers[index],
  );
  const changed = new TextEncoder().encode(JSON.stringify({ ...manifest, layers: named }));
  return { mediaType, digest: await digestOfBytes("sha256", changed), bytes: changed };
}
