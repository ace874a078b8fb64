/** Images in a registry of a test: made of random layers, of each form that there is. */
import { createHash, randomBytes } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { FakeRegistry } from "../../../test/registry/fake-registry.ts";

export const OCI = "application/vnd.oci.image";
export const INDEX = `${OCI}.index.v1+json`;
export const MANIFEST = `${OCI}.manifest.v1+json`;

export interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface MadeImage extends Described {
  readonly layers: readonly Described[];
  readonly diffIds: readonly string[];
}

export interface ImageOptions {
  /** Bytes of each layer. */
  readonly layers?: readonly number[];
  readonly compression?: "gzip" | "zstd" | "none";
  readonly platform?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly configType?: string;
  readonly layerType?: string;
}

const SUFFIX = { gzip: "+gzip", zstd: "+zstd", none: "" } as const;

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Under `tag` and its digest. */
export async function addImage(
  registry: FakeRegistry,
  repository: string,
  tag: string,
  options: ImageOptions = {},
): Promise<MadeImage> {
  const { layers: sizes = [4_000], compression = "gzip", platform = { os: "linux", architecture: "amd64" } } = options;
  const layers: Described[] = [];
  const diffIds: string[] = [];
  for (const size of sizes) {
    const tar = await packTar([
      { header: { name: "file", type: "file", size, mtime: new Date(0) }, body: randomBytes(size) },
    ]);
    const packed =
      compression === "gzip" ? gzipSync(tar, { level: 0 }) : compression === "zstd" ? zstdCompressSync(tar) : tar;
    diffIds.push(sha256(tar));
    const mediaType = options.layerType ?? `${OCI}.layer.v1.tar${SUFFIX[compression]}`;
    layers.push({ mediaType, digest: registry.addBlob(packed), size: packed.length });
  }
  const history = diffIds.map((_, index) => ({ created_by: `RUN ${index}` }));
  const config = Buffer.from(
    JSON.stringify({ ...platform, rootfs: { type: "layers", diff_ids: diffIds }, history, ...options.config }),
  );
  const described = {
    mediaType: options.configType ?? `${OCI}.config.v1+json`,
    digest: registry.addBlob(config),
    size: config.length,
  };
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: described, layers }));
  const digest = registry.addManifest(repository, tag, manifest, MANIFEST);
  return { mediaType: MANIFEST, digest, size: manifest.length, layers, diffIds };
}

export function addIndex(
  registry: FakeRegistry,
  repository: string,
  tag: string,
  manifests: readonly object[],
): string {
  const fields = { schemaVersion: 2, mediaType: INDEX, manifests };
  return registry.addManifest(repository, tag, Buffer.from(JSON.stringify(fields)), INDEX);
}

/** As an index names it. */
export function entry({ mediaType, digest, size }: Described, platform?: Readonly<Record<string, string>>): object {
  return { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) };
}
