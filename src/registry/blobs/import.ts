/** Blobs and manifests that Gantry itself brings, from another registry or a file: verified like a client's push. */
import { registryStub } from "../../stubs.ts";
import { ManifestProblem } from "../oci/descriptor.ts";
import { algorithmOf, digestOfBytes, type Digest } from "../oci/digest.ts";
import { MAX_MANIFEST_BYTES, namedBy, parseManifest } from "../oci/manifest.ts";
import type { BlobRecord } from "../store/contract.ts";
import { endUpload, writePart } from "./upload.ts";

export type ImportedBlob =
  | { readonly imported: true; readonly blob: BlobRecord; readonly wasThere: boolean }
  /** Nothing of it is stored. */
  | { readonly imported: false; readonly reason: string };

/** `size`: what the descriptor says; null where there is none. The body is read to its end or cancelled. */
export async function importBlob(
  env: Env,
  accountId: string,
  repository: string,
  { digest, size }: { readonly digest: Digest; readonly size: number | null },
  body: ReadableStream<Uint8Array>,
): Promise<ImportedBlob> {
  const index = registryStub(env, accountId);
  const known = await index.blob(repository, digest, { hold: true });
  if (known !== null) {
    await body.cancel("it is there").catch(() => undefined);
    return { imported: true, blob: known, wasThere: true };
  }
  const id = crypto.randomUUID();
  const place = { index, bucket: env.REGISTRY_BLOBS, repository, id };
  await index.startUpload(repository, id);
  try {
    const algorithm = algorithmOf(digest);
    const part = await writePart(place, { body, length: size, at: null, algorithm, isChunk: false });
    if (part.state !== "stored") return await refuse(`it is not ${size ?? "as many"} bytes long: ${part.state}`);
    const end = await endUpload(place, part.open, digest);
    if (end.state === "blob") return { imported: true, blob: end.blob, wasThere: false };
    return await refuse(end.state === "mismatch" ? `its digest is ${end.computed}` : "its upload was ended meanwhile");
  } catch (error) {
    await index.cancelUpload(repository, id);
    throw error;
  }

  async function refuse(why: string): Promise<ImportedBlob> {
    await index.cancelUpload(repository, id);
    return { imported: false, reason: `${digest} is not stored: ${why}` };
  }
}

export type ImportedManifest =
  | {
      readonly imported: true;
      readonly digest: Digest;
      readonly mediaType: string;
      readonly subject: Digest | null;
      readonly wasThere: boolean;
    }
  | { readonly imported: false; readonly problem: "digest"; readonly reason: string }
  | { readonly imported: false; readonly problem: "invalid"; readonly reason: string; readonly error: ManifestProblem }
  | {
      readonly imported: false;
      readonly problem: "missing";
      readonly reason: string;
      readonly missing: readonly Digest[];
    };

export interface ManifestImport {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What came with the bytes; null: they say it. */
  readonly mediaType: string | null;
  /** What they must have; null: sha256 of them, whatever it is. */
  readonly digest: Digest | null;
  readonly tags: readonly string[];
  /** What it names may be missing: the rest of it is elsewhere. */
  readonly isSparse?: boolean;
}

export async function importManifest(
  env: Env,
  accountId: string,
  repository: string,
  draft: ManifestImport,
): Promise<ImportedManifest> {
  const { bytes, tags } = draft;
  const digest = await digestOfBytes(draft.digest === null ? "sha256" : algorithmOf(draft.digest), bytes);
  if (draft.digest !== null && digest !== draft.digest) {
    return { imported: false, problem: "digest", reason: `its digest is ${digest}, not ${draft.digest}` };
  }
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    const error = new ManifestProblem(
      "body",
      `has ${bytes.byteLength} bytes; at most ${MAX_MANIFEST_BYTES}`,
      "SIZE_INVALID",
    );
    return { imported: false, problem: "invalid", reason: error.message, error };
  }
  let parsed: Awaited<ReturnType<typeof parseManifest>>;
  try {
    parsed = await parseManifest(bytes, draft.mediaType);
  } catch (error) {
    if (!(error instanceof ManifestProblem)) throw error;
    return { imported: false, problem: "invalid", reason: error.message, error };
  }
  const { mediaType, artifactType, subject } = parsed;
  const named = namedBy(parsed);
  const required = draft.isSparse
    ? { blobs: [], manifests: [], optional: [...named.blobs, ...named.manifests, ...named.optional] }
    : named;
  const facts = { repository, digest, mediaType, bytes, tags, artifactType, subject };
  const stored = await registryStub(env, accountId).putManifest({ ...facts, ...required });
  if (stored.stored) return { imported: true, digest, mediaType, subject, wasThere: stored.wasThere };
  const { missing } = stored;
  const reason = `it names ${missing.slice(0, 10).join(", ")}, which ${repository} does not have`;
  return { imported: false, problem: "missing", reason, missing };
}
