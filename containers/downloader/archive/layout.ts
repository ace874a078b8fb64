/**
 * The files of an archive: an OCI layout, with blobs as the registry has them, and beside it the `manifest.json` that
 * `docker load` reads. What several images share is there once.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { ResolvedImage, Verified } from "../image/types.ts";
import { unpackedImage, type UnpackedSizes } from "./unpacked.ts";
import { planArchive, type ArchiveFile, type ArchivePlan, type PlannedBlob } from "./plan.ts";

/**
 * `hybrid` loads everywhere, but for layers of zstd in engines before Docker 23; `oci` is the layout alone; `docker` is
 * `hybrid` with layers of zstd unpacked, for those engines.
 */
export const FORMATS = ["hybrid", "oci", "docker"] as const;

export type ArchiveFormat = (typeof FORMATS)[number];

/** An image as it stands in the archive. */
export interface ArchivedImage {
  readonly source: ResolvedImage;
  readonly manifest: Verified;
  readonly layers: readonly ArchivedLayer[];
}

export type ArchivedLayer = Pick<PlannedBlob, "digest" | "size" | "stored">;

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** `sizes`: of the layers that `docker` unpacks, by the digest that the registry has them under. */
export async function archivePlan(
  images: readonly ResolvedImage[],
  format: ArchiveFormat,
  sizes: UnpackedSizes,
): Promise<ArchivePlan> {
  const archived = await Promise.all(
    withoutRepeats(images).map(async (image) =>
      format === "docker" ? await unpackedImage(image, sizes) : asStored(image),
    ),
  );
  const files: ArchiveFile[] = [
    json("oci-layout", { imageLayoutVersion: "1.0.0" }),
    json("index.json", indexOf(archived)),
  ];
  if (format !== "oci") files.push(json("manifest.json", archived.map(dockerEntry)));
  const seen = new Set<Digest>();
  const once = (digest: Digest, content: ArchiveFile["content"]) => {
    if (seen.has(digest)) return;
    seen.add(digest);
    files.push({ name: pathOf(digest), content });
  };
  for (const { manifest, source } of archived) {
    for (const { digest, bytes } of [manifest, source.config]) once(digest, { kind: "bytes", bytes });
  }
  archived.forEach(({ layers, source }) => {
    const image = images.indexOf(source);
    for (const layer of layers) once(layer.digest, { kind: "blob", blob: { ...layer, image } });
  });
  return planArchive(files);
}

/** The same image twice is one, unless it has two names. */
function withoutRepeats(images: readonly ResolvedImage[]): readonly ResolvedImage[] {
  return [...new Map(images.map((image) => [`${image.manifest.digest} ${image.repoTag ?? ""}`, image])).values()];
}

function asStored(source: ResolvedImage): ArchivedImage {
  const layers = source.layers.map(({ digest, size }) => ({
    digest,
    size,
    stored: { digest, size, isUnpacked: false },
  }));
  return { source, manifest: source.manifest, layers };
}

function indexOf(images: readonly ArchivedImage[]): object {
  const tags = images.map(({ source }) => source.reference.tag);
  const manifests = images.map(({ source, manifest }) => {
    const { reference, repoTag, name, platform } = source;
    const isOnlyOne = tags.filter((tag) => tag === reference.tag).length === 1;
    const annotations =
      repoTag === null
        ? {}
        : {
            annotations: {
              "io.containerd.image.name": name,
              // Clients that find an image by it want a tag, and one that is no other image's.
              "org.opencontainers.image.ref.name": isOnlyOne ? (reference.tag ?? name) : name,
            },
          };
    const { mediaType, digest, bytes } = manifest;
    return { mediaType, digest, size: bytes.length, ...annotations, platform: platformFields(platform) };
  });
  return { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
}

function platformFields(platform: string): object {
  const [os, architecture, variant] = platform.split("/");
  return { architecture, os, ...(variant === undefined ? {} : { variant }) };
}

function dockerEntry({ source, layers }: ArchivedImage): object {
  return {
    Config: pathOf(source.config.digest),
    RepoTags: source.repoTag === null ? null : [source.repoTag],
    Layers: layers.map(({ digest }) => pathOf(digest)),
  };
}

function pathOf(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function json(name: string, value: unknown): ArchiveFile {
  return { name, content: { kind: "bytes", bytes: new TextEncoder().encode(JSON.stringify(value)) } };
}
