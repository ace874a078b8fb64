/** What an image is, once a registry was asked: everything that an archive of it needs, but the bytes of its layers. */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { ImageReference } from "./reference.ts";

export type Compression = "none" | "gzip" | "zstd";

export interface ImageLayer {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes, as the registry has it. */
  readonly size: number;
  readonly compression: Compression;
  /** Of what is in it, without compression; null where the config does not say. */
  readonly diffId: Digest | null;
  /** What made it, of the image's history; null where nothing says. */
  readonly createdBy: string | null;
}

/** Small things that were read and verified: manifests and configs. */
export interface Verified {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ResolvedImage {
  readonly reference: ImageReference;
  /** With everything that was left out: `docker.io/library/ubuntu:22.04`. */
  readonly name: string;
  /** `ubuntu:22.04`; null for one by digest. */
  readonly repoTag: string | null;
  readonly manifest: Verified;
  readonly config: Verified;
  readonly layers: readonly ImageLayer[];
  /** `linux/arm/v7`: of what was found, which may be older than what was asked for. */
  readonly platform: string;
  /** All that there are. */
  readonly platforms: readonly string[];
  /** Of config, manifest and layers, each counted once. */
  readonly size: number;
}
