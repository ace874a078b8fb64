/** Images as OCI layouts in a folder, made here byte by byte: no network, no engine, and each form that registries meet. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { packTar } from "modern-tar";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export const OCI = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

export const DOCKER = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

type Compression = "gzip" | "zstd" | "none";

export interface LayerOptions {
  readonly compression?: Compression;
  /** Names of its files; none: a layer without files. */
  readonly files?: readonly string[];
  /** Bytes of each file, which nothing can compress. */
  readonly size?: number;
}

interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

const SUFFIX: Record<Compression, string> = { gzip: "+gzip", zstd: "+zstd", none: "" };

/** Every layer and config is another one at each call: no registry has seen it before. */
export class OciLayout {
  readonly folder: string;
  readonly #tagged: Descriptor[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string): Promise<OciLayout> {
    await mkdir(join(folder, "blobs/sha256"), { recursive: true });
    await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    return new OciLayout(folder);
  }

  /** skopeo's and umoci's name of what `tag` has named. */
  at(tag: string): string {
    return `oci:${this.folder}:${tag}`;
  }

  async blob(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    const digest = digestOf(bytes);
    await writeFile(join(this.folder, "blobs/sha256", digest.slice("sha256:".length)), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  async json(value: unknown, mediaType: string): Promise<Descriptor> {
    return await this.blob(Buffer.from(JSON.stringify(value)), mediaType);
  }

  async layer({ compression = "gzip", files = ["file"], size = 2_048 }: LayerOptions = {}): Promise<Layer> {
    const entries = files.map((name) => {
      const body = randomBytes(size);
      return { header: { name, type: "file" as const, size, mode: 0o644, mtime: new Date(0) }, body };
    });
    const tar = files.length === 0 ? new Uint8Array(1_024) : await packTar(entries);
    const bytes = compression === "gzip" ? gzipSync(tar) : compression === "zstd" ? zstdCompressSync(tar) : tar;
    return { descriptor: await this.blob(bytes, `${OCI.layer}${SUFFIX[compression]}`), diffId: digestOf(tar) };
  }

  /** `unique`: two images are never one, whatever their layers are. */
  async #config(diffIds: readonly string[], architecture: string, mediaType: string): Promise<Descriptor> {
    const unique = randomBytes(8).toString("hex");
    return await this.json(
      {
        created: "2024-01-01T00:00:00Z",
        architecture,
        os: "linux",
        config: { Env: [`UNIQUE=${unique}`], Cmd: ["/file"] },
        rootfs: { type: "layers", diff_ids: diffIds },
        history: diffIds.map(() => ({ created: "2024-01-01T00:00:00Z", created_by: "a test" })),
      },
      mediaType,
    );
  }

  async image(layers: readonly LayerOptions[], architecture = "amd64"): Promise<Descriptor> {
    const made: Layer[] = [];
    for (const options of layers) made.push(await this.layer(options));
    const diffIds = made.map(({ diffId }) => diffId);
    const config = await this.#config(diffIds, architecture, OCI.config);
    const manifest = { schemaVersion: 2, mediaType: OCI.manifest, config, layers: made.map((each) => each.descriptor) };
    const descriptor = await this.json(manifest, OCI.manifest);
    return { ...descriptor, platform: { os: "linux", architecture } };
  }

  /** What a build leaves beside an image of a platform. */
  async attestation(of: Descriptor): Promise<Descriptor> {
    const statement = await this.json({ _type: "in-toto", subject: of.digest }, "application/vnd.in-toto+json");
    const config = await this.#config([statement.digest], "unknown", OCI.config);
    const manifest = { schemaVersion: 2, mediaType: OCI.manifest, config, layers: [statement] };
    return {
      ...(await this.json(manifest, OCI.manifest)),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.digest": of.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
    };
  }

  async index(manifests: readonly Descriptor[]): Promise<Descriptor> {
    return await this.json({ schemaVersion: 2, mediaType: OCI.index, manifests }, OCI.index);
  }

  async tag(descriptor: Descriptor, tag: string): Promise<Descriptor> {
    const { platform: _, ...rest } = descriptor;
    this.#tagged.push({ ...rest, annotations: { "org.opencontainers.image.ref.name": tag } });
    await writeFile(
      join(this.folder, "index.json"),
      JSON.stringify({ schemaVersion: 2, mediaType: OCI.index, manifests: this.#tagged }),
    );
    return descriptor;
  }
}

/** An image as the Docker engine pushes it, in the folder that skopeo calls `dir:`. */
export async function dockerImageFolder(folder: string, layers: readonly LayerOptions[]): Promise<Descriptor> {
  const layout = await OciLayout.create(join(folder, "layout"));
  const made: Layer[] = [];
  for (const options of layers) made.push(await layout.layer(options));
  const config = Buffer.from(
    JSON.stringify({
      created: "2024-01-01T00:00:00Z",
      architecture: "amd64",
      os: "linux",
      config: { Env: [`UNIQUE=${randomBytes(8).toString("hex")}`] },
      rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
    }),
  );
  const written = [await layout.blob(config, DOCKER.config)];
  for (const { descriptor } of made) written.push({ ...descriptor, mediaType: DOCKER.layer });
  const [first, ...rest] = written;
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: DOCKER.manifest, config: first, layers: rest }),
  );
  await writeFile(join(folder, "manifest.json"), manifest);
  await writeFile(join(folder, "version"), "Directory Transport Version: 1.1\n");
  for (const { digest } of written) {
    const hex = digest.slice("sha256:".length);
    await rename(join(layout.folder, "blobs/sha256", hex), join(folder, hex));
  }
  await rm(layout.folder, { recursive: true });
  return { mediaType: DOCKER.manifest, digest: digestOf(manifest), size: manifest.byteLength };
}

export interface TestImages {
  readonly layout: OciLayout;
  /** Tag → digest of the manifest or index. */
  readonly digests: Readonly<Record<TestImage, string>>;
}

export type TestImage = "layered" | "mixed" | "platforms" | "attested" | "empty-layer";

/** One layout with an image of each form under its name. */
export async function testImages(folder: string): Promise<TestImages> {
  const layout = await OciLayout.create(folder);
  const layered = await layout.image([{ files: ["file", "a/b"] }, { files: ["c"], size: 70_000 }, { files: ["d"] }]);
  const attested = await layout.image([{}]);
  const made: Record<TestImage, Descriptor> = {
    layered,
    mixed: await layout.image([{ compression: "gzip" }, { compression: "zstd" }]),
    platforms: await layout.index([await layout.image([{}]), await layout.image([{}], "arm64")]),
    attested: await layout.index([attested, await layout.attestation(attested)]),
    "empty-layer": await layout.image([{}, { files: [] }]),
  };
  for (const [tag, descriptor] of Object.entries(made)) await layout.tag(descriptor, tag);
  const digests = Object.fromEntries(Object.entries(made).map(([tag, { digest }]) => [tag, digest]));
  return { layout, digests: digests as Record<TestImage, string> };
}
