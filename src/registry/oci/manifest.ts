/**
 * What the bytes of a manifest say: its type, what it names and what must be there. Everything that is stored went through
 * here, whoever brought it. Nothing is changed: a manifest is its bytes. Pure.
 */
import { MAX_NAMED } from "../store/contract.ts";
import { isMediaType, isRecord, ManifestProblem, readDescriptor, type Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import {
  isNonDistributable,
  isSchema1,
  kindOf,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
  type ManifestKind,
} from "./media-types.ts";

/** The specification asks for four at least. */
export const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;

export interface ParsedManifest {
  readonly mediaType: string;
  readonly kind: ManifestKind;
  /** Of an image without one: the media type of its config. */
  readonly artifactType: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  readonly subject: Digest | null;
  readonly config: Descriptor | null;
  /** Layers, or the blobs of an artifact, in order. */
  readonly layers: readonly Descriptor[];
  /** Of an index, in order, whatever they are. */
  readonly manifests: readonly Descriptor[];
}

/** What must be there and what may be missing, each named once. */
export interface Named {
  readonly blobs: readonly Digest[];
  readonly manifests: readonly Digest[];
  readonly optional: readonly Digest[];
}

type Fields = Readonly<Record<string, unknown>>;

/** `contentType`: what came with the bytes; null where nothing did. Throws `ManifestProblem`. */
export async function parseManifest(bytes: Uint8Array, contentType: string | null): Promise<ParsedManifest> {
  const fields = fieldsOf(bytes);
  const mediaType = mediaTypeOf(fields, contentType);
  const kind = kindOf(mediaType);
  if (kind === null) throw new ManifestProblem("mediaType", `${mediaType} is none of ${MANIFEST_TYPES.join(", ")}`);
  if (kind !== "artifact" && fields["schemaVersion"] !== 2) throw new ManifestProblem("schemaVersion", "must be 2");
  const common = {
    mediaType,
    kind,
    annotations: annotationsOf(fields["annotations"]),
    subject: await subjectOf(fields["subject"]),
  };
  const artifactType = artifactTypeOf(fields["artifactType"]);
  refuseAmbiguous(fields, kind);
  if (kind === "index") {
    const manifests = await descriptors(fields["manifests"], "manifests");
    return { ...common, artifactType, config: null, layers: [], manifests };
  }
  if (kind === "artifact") {
    const layers = await descriptors(fields["blobs"] ?? [], "blobs");
    return { ...common, artifactType, config: null, layers, manifests: [] };
  }
  const config = await readDescriptor(fields["config"], "config");
  const layers = await descriptors(fields["layers"], "layers");
  return { ...common, artifactType: artifactType ?? config.mediaType, config, layers, manifests: [] };
}

export function namedBy({ config, layers, manifests }: ParsedManifest): Named {
  const blobs = new Set<Digest>(config === null ? [] : [config.digest]);
  const children = new Set<Digest>();
  const optional = new Set<Digest>();
  for (const { mediaType, digest } of layers) (isNonDistributable(mediaType) ? optional : blobs).add(digest);
  // BuildKit's caches are indexes whose entries are layers.
  for (const { mediaType, digest } of manifests) (kindOf(mediaType) === null ? blobs : children).add(digest);
  const rest = [...optional].filter((digest) => !blobs.has(digest));
  return { blobs: [...blobs], manifests: [...children], optional: rest };
}

const FOREIGN: Readonly<Record<ManifestKind, readonly string[]>> = {
  image: ["manifests"],
  index: ["config", "layers"],
  artifact: [],
};

/** The same bytes would be one image to some clients and another to others. */
function refuseAmbiguous(fields: Fields, kind: ManifestKind): void {
  const foreign = FOREIGN[kind].find((field) => fields[field] !== undefined && fields[field] !== null);
  if (foreign === undefined) return;
  throw new ManifestProblem(foreign, `is no field of an ${kind}: what is both an image and an index is neither`);
}

/** Ten thousand descriptors with everything that they may have are less than half of it. */
const MAX_VALUES = 500_000;

/** Values cost many times the bytes that they are written with: eight megabytes of brackets fill a Worker's memory. */
function refuseBomb(bytes: Uint8Array): void {
  if (bytes.byteLength < MAX_VALUES) return;
  let values = 0;
  for (const byte of bytes) {
    if (byte === COMMA || byte === BRACKET || byte === BRACE) values += 1;
  }
  if (values > MAX_VALUES) throw new ManifestProblem("body", `has more than ${MAX_VALUES} values`);
}

const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b];

function fieldsOf(bytes: Uint8Array): Fields {
  refuseBomb(bytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new ManifestProblem("body", "is no JSON");
  }
  if (!isRecord(value)) throw new ManifestProblem("body", "must be a JSON object");
  return value;
}

/** What came with the bytes and what they say must be one. Where nothing is said, what they have tells. */
function mediaTypeOf(fields: Fields, contentType: string | null): string {
  const own = fields["mediaType"];
  if (own !== undefined && typeof own !== "string") throw new ManifestProblem("mediaType", "must be a text");
  const told = contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (isSchema1(told) || isSchema1(own ?? "") || fields["schemaVersion"] === 1) {
    throw new ManifestProblem("schemaVersion", "1 is not taken: push with a client of the last ten years, as schema 2");
  }
  const isTelling = told !== "" && told !== "application/json" && told !== "application/octet-stream";
  if (isTelling && own !== undefined && own !== "" && own !== told) {
    throw new ManifestProblem("mediaType", `is ${own}, but Content-Type says ${told}`);
  }
  if (isTelling) return told;
  if (own !== undefined && own !== "") return own;
  if (Array.isArray(fields["manifests"])) return OCI_INDEX;
  if (isRecord(fields["config"])) return OCI_MANIFEST;
  throw new ManifestProblem("mediaType", `is missing: send Content-Type, one of ${MANIFEST_TYPES.join(", ")}`);
}

async function descriptors(value: unknown, where: string): Promise<Descriptor[]> {
  // Go's clients write an empty list as null.
  if (value === null) return [];
  if (!Array.isArray(value)) throw new ManifestProblem(where, "must be a list of descriptors");
  if (value.length >= MAX_NAMED)
    throw new ManifestProblem(where, `has ${value.length} entries; at most ${MAX_NAMED - 1}`);
  return await Promise.all(value.map((entry, index) => readDescriptor(entry, `${where}[${index}]`)));
}

async function subjectOf(value: unknown): Promise<Digest | null> {
  return value === undefined || value === null ? null : (await readDescriptor(value, "subject")).digest;
}

function artifactTypeOf(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (!isMediaType(value)) throw new ManifestProblem("artifactType", "must be a media type");
  return value;
}

function annotationsOf(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new ManifestProblem("annotations", "must be an object of texts");
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new ManifestProblem(`annotations[${name.slice(0, 100)}]`, "must be a text");
  }
  return value as Record<string, string>;
}
