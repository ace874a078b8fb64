/** What is pushed in the tests of this folder: blobs, and manifests of every kind that the specification names. */
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";

export type Algorithm = "sha256" | "sha512";
export const ALGORITHMS: readonly Algorithm[] = ["sha256", "sha512"];

export const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const INDEX = "application/vnd.oci.image.index.v1+json";
export const EMPTY_JSON = "application/vnd.oci.empty.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar";
export const EXAMPLE_1 = "application/vnd.example.oci.conformance.1";
export const EXAMPLE_2 = "application/vnd.example.oci.conformance.2";

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly data?: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface Referrer {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

interface ManifestOptions {
  readonly layers?: readonly Descriptor[];
  readonly config?: Descriptor;
  /** More fields of the manifest itself. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly tag?: string;
  readonly architecture?: string;
  /** Of the config's own JSON. */
  readonly configFields?: Readonly<Record<string, unknown>>;
}

const ANNOTATIONS = { "org.opencontainers.conformance": "hello conformance test" };

/** One kind of content: what must be pushed, in which order, under which tags, and what refers to what. */
export class Content {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests: Manifest[] = [];
  readonly tags = new Map<string, string>();
  readonly referrers = new Map<string, Referrer[]>();
  readonly #algorithm: Algorithm;

  constructor(algorithm: Algorithm = "sha256") {
    this.#algorithm = algorithm;
  }

  blob(bytes: Buffer, mediaType: string): Descriptor {
    const digest = digestOf(bytes, this.#algorithm);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  layer(isCompressed = true): Descriptor {
    const bytes = randomBytes(1_024);
    return isCompressed ? this.blob(gzipSync(bytes), `${LAYER}+gzip`) : this.blob(bytes, LAYER);
  }

  emptyConfig(): Descriptor {
    return this.blob(Buffer.from("{}"), EMPTY_JSON);
  }

  manifest(options: ManifestOptions = {}): Descriptor {
    const { layers = [this.layer(), this.layer()], architecture = "amd64" } = options;
    const json = { architecture, os: "linux", rootfs: { type: "layers", diff_ids: [] }, ...options.configFields };
    // Two images are never one.
    const unique = { ...json, created: new Date().toISOString(), author: randomBytes(8).toString("hex") };
    const config = options.config ?? this.blob(Buffer.from(JSON.stringify(unique)), CONFIG);
    const descriptor = this.#store(
      { schemaVersion: 2, mediaType: MANIFEST, config, layers, ...options.fields },
      MANIFEST,
      options.tag,
    );
    return { ...descriptor, platform: { os: "linux", architecture } };
  }

  /** An artifact that is no image. */
  artifact(artifactType: string, tag: string | undefined, fields: Readonly<Record<string, unknown>> = {}): Descriptor {
    const layers = [this.blob(randomBytes(256), artifactType)];
    const unique = { ...ANNOTATIONS, "org.example.unique": randomBytes(8).toString("hex") };
    return this.manifest({
      config: this.emptyConfig(),
      layers,
      ...(tag === undefined ? {} : { tag }),
      fields: { artifactType, annotations: unique, ...fields },
    });
  }

  index(manifests: readonly Descriptor[], tag?: string, fields: Readonly<Record<string, unknown>> = {}): Descriptor {
    const annotations = { ...ANNOTATIONS, "org.example.unique": randomBytes(8).toString("hex") };
    return this.#store({ schemaVersion: 2, mediaType: INDEX, manifests, annotations, ...fields }, INDEX, tag);
  }

  #store(json: Readonly<Record<string, unknown>>, mediaType: string, tag: string | undefined): Descriptor {
    const bytes = Buffer.from(JSON.stringify(json));
    const digest = digestOf(bytes, this.#algorithm);
    this.manifests.push({ digest, mediaType, bytes });
    if (tag !== undefined) this.tags.set(tag, digest);
    this.#refer({ digest, mediaType, size: bytes.byteLength }, json);
    return { mediaType, digest, size: bytes.byteLength };
  }

  #refer(of: Descriptor, json: Readonly<Record<string, unknown>>): void {
    const { subject, artifactType, config, annotations } = json as {
      subject?: Descriptor;
      artifactType?: string;
      config?: Descriptor;
      annotations?: Record<string, string>;
    };
    if (subject === undefined) return;
    const { digest, mediaType, size } = of;
    const entry = { digest, mediaType, size, artifactType: artifactType ?? config?.mediaType, annotations };
    this.referrers.set(subject.digest, [...(this.referrers.get(subject.digest) ?? []), entry]);
  }
}

function platforms(content: Content, options: ManifestOptions = {}): Descriptor[] {
  return ["amd64", "arm64"].map((architecture) => content.manifest({ ...options, architecture }));
}

function bare({ digest, mediaType, size }: Descriptor): Descriptor {
  return { digest, mediaType, size };
}

/** A layer that is not in the registry. */
function elsewhere(mediaType: string, size: number): Descriptor {
  const digest = digestOf(randomBytes(16));
  return { mediaType, digest, size, urls: [`https://store.example.com/blobs/${digest}`] };
}

/** Each fills a `Content`, under the name that the specification's own suite gives to it. */
export const KINDS: Readonly<Record<string, (content: Content) => void>> = {
  image: (content) => void content.manifest({ tag: "image" }),
  "image-uncompressed": (content) =>
    void content.manifest({ tag: "image-uncompressed", layers: [content.layer(false), content.layer(false)] }),
  "large-manifest": (content) => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, n) => [`large-annotation-${n}`, "A".repeat(10_000)]),
    );
    content.manifest({ tag: "large-manifest", fields: { annotations } });
  },
  index: (content) => void content.index(platforms(content), "index"),
  "nested-index": (content) => {
    const inner = [content.index(platforms(content)), content.index(platforms(content))];
    content.index(inner, "index-of-index");
  },
  "empty-index": (content) => void content.index([], "index"),
  artifact: (content) => void content.artifact(EXAMPLE_1, "artifact"),
  "artifact-index": (content) => {
    const of = () => content.artifact(EXAMPLE_1, undefined);
    content.index([of(), of()], "artifact-index", { artifactType: EXAMPLE_1 });
  },
  "artifact-without-layers": (content) => {
    const empty = content.emptyConfig();
    const fields = { artifactType: EXAMPLE_1, annotations: { "org.example.unique": randomBytes(8).toString("hex") } };
    content.manifest({ tag: "artifact-without-layers", config: empty, layers: [empty], fields });
  },
  "artifacts-with-subject": (content) => {
    const subject = bare(content.manifest({ tag: "image" }));
    content.manifest({ fields: { subject } });
    content.artifact(EXAMPLE_1, "tagged-artifact1", { subject });
    content.artifact(EXAMPLE_2, "tagged-artifact2", { subject });
  },
  "index-with-subject": (content) => {
    const subject = bare(content.index(platforms(content), "index"));
    const of = () => content.artifact(EXAMPLE_1, undefined);
    content.index([of(), of()], "tagged-artifact", { artifactType: EXAMPLE_1, subject });
  },
  "missing-subject": (content) => {
    const subject = { mediaType: MANIFEST, size: 123, digest: digestOf(randomBytes(16)) };
    content.artifact(EXAMPLE_1, "tagged-artifact", { subject });
  },
  "data-field": (content) => {
    const bytes = randomBytes(256);
    const layer = { ...content.blob(bytes, LAYER), data: bytes.toString("base64") };
    content.manifest({ tag: "data-field", layers: [layer] });
  },
  "non-distributable-layers": (content) => {
    const layers = [elsewhere(`${NONDISTRIBUTABLE}+gzip`, 123_456), elsewhere(NONDISTRIBUTABLE, 12_345)];
    content.manifest({ tag: "non-distributable-image", layers: [...layers, content.layer()] });
  },
  "custom-fields": (content) => {
    const fields = { "org.example.field": randomBytes(8).toString("hex") };
    content.index(platforms(content, { fields, configFields: fields }), "custom-fields", fields);
  },
  "no-layers": (content) => void content.manifest({ tag: "no-layers", layers: [] }),
};
