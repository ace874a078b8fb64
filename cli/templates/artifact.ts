/**
 * A template as bytes, and back. The same files make the same bytes: order, times, owners and gzip's header say nothing
 * of where and when it was made, so that its digest tells whether a registry has it.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { packTar, unpackTar } from "modern-tar";
import { digestOfBytes, type Digest } from "../../src/registry/oci/digest.ts";
import { problem, ProblemsError } from "../problems.ts";
import {
  ANNOTATIONS,
  ARTIFACT_TYPE,
  BUNDLE_TYPE,
  CONFIG_TYPE,
  LIMITS,
  MANIFEST_TYPE,
  templateInfo,
  type TemplateInfo,
} from "./format.ts";

export interface TemplateFile {
  /** With `/`, below the template's folder. */
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isExecutable: boolean;
}

export interface TemplateSource extends Pick<
  TemplateInfo,
  "name" | "version" | "description" | "secrets" | "application"
> {
  readonly files: readonly TemplateFile[];
}

export interface Blob {
  readonly digest: Digest;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TemplateArtifact {
  readonly info: TemplateInfo;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly bundle: Blob;
}

/** Where gzip says which system wrote it; 255 is "unknown". */
const GZIP_SYSTEM = 9;
const UNKNOWN_SYSTEM = 255;

export async function buildTemplate(source: TemplateSource): Promise<TemplateArtifact> {
  const files = source.files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const { name, version, description, secrets, application } = source;
  const sizes = files.map(({ path, bytes }) => ({ path, size: bytes.length }));
  const size = sizes.reduce((sum, file) => sum + file.size, 0);
  const info = { name, version, description, size, secrets: [...secrets], files: sizes, application };
  const checked = templateInfo.safeParse(info);
  if (!checked.success) {
    throw new ProblemsError(
      checked.error.issues.map(({ path, message }) => problem(message, { field: path.join(".") })),
    );
  }
  const bundle = await blobOf(await packed(files));
  if (bundle.bytes.length > LIMITS.bundle || size > LIMITS.unpacked) {
    const text = `its files are ${megabytes(size)}, packed ${megabytes(bundle.bytes.length)}`;
    const most = `at most ${megabytes(LIMITS.unpacked)}, packed ${megabytes(LIMITS.bundle)}`;
    throw new ProblemsError([
      problem(`a template has ${most}, and ${text}: leave some out with files in package.json`),
    ]);
  }
  const config = await blobOf(jsonBytes(info));
  const manifest = await blobOf(jsonBytes(manifestOf(info, config, bundle)));
  return { info, manifest, config, bundle };
}

function manifestOf({ name, version, description }: TemplateInfo, config: Blob, bundle: Blob): object {
  const describe = (mediaType: string, { digest, bytes }: Blob) => ({ mediaType, digest, size: bytes.length });
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: describe(CONFIG_TYPE, config),
    // Other clients of registries call the file so.
    layers: [{ ...describe(BUNDLE_TYPE, bundle), annotations: { [ANNOTATIONS.title]: `${name}-${version}.tar.gz` } }],
    annotations: {
      [ANNOTATIONS.title]: name,
      [ANNOTATIONS.version]: version,
      [ANNOTATIONS.description]: description,
    },
  };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

async function packed(files: readonly TemplateFile[]): Promise<Uint8Array<ArrayBuffer>> {
  const epoch = new Date(0);
  const entries = files.map(({ path, bytes, isExecutable }) => {
    const mode = isExecutable ? 0o755 : 0o644;
    return { header: { name: path, size: bytes.length, mtime: epoch, mode, uid: 0, gid: 0 }, body: bytes };
  });
  const bytes = new Uint8Array(gzipSync(await packTar(entries), { level: 9 }));
  bytes[GZIP_SYSTEM] = UNKNOWN_SYSTEM;
  return bytes;
}

/** The files of a bundle. Throws for what must not be written below a folder, and where they are not those of the config. */
export async function openBundle(bundle: Uint8Array, info: TemplateInfo): Promise<TemplateFile[]> {
  const wrong = (message: string) => new ProblemsError([problem(`the bundle of ${info.name} ${message}`)]);
  let entries: Awaited<ReturnType<typeof unpackTar>>;
  try {
    entries = await unpackTar(gunzipSync(bundle, { maxOutputLength: 2 * LIMITS.unpacked }), { strict: true });
  } catch (error) {
    throw wrong(`cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`);
  }
  const declared = new Map(info.files.map(({ path, size }) => [path, size]));
  const files = entries.map(({ header, data }): TemplateFile => {
    const { name: path, type = "file", mode = 0 } = header;
    const shown = JSON.stringify(path.slice(0, 200));
    if (type !== "file") throw wrong(`has ${shown}, a ${type}: templates are of files only`);
    const bytes = data ?? new Uint8Array();
    // The config's paths were checked.
    if (declared.get(path) !== bytes.length) throw wrong(`has ${shown}, which its config does not tell so`);
    declared.delete(path);
    return { path, bytes, isExecutable: (mode & 0o100) !== 0 };
  });
  const [missing] = declared.keys();
  if (missing !== undefined) throw wrong(`lacks ${missing}`);
  return files;
}

async function blobOf(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  return { digest: await digestOfBytes("sha256", bytes), bytes };
}

function jsonBytes(value: object): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(JSON.stringify(value)));
}
