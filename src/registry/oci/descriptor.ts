/** A descriptor inside a manifest: what it must have, and that bytes it brings along are those it speaks of. Pure. */
import { fromBase64 } from "../../encoding.ts";
import { algorithmOf, digestOfBytes, isDigest, type Digest } from "./digest.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Why a manifest is refused; `where` names the field. */
export class ManifestProblem extends Error {
  override readonly name = "ManifestProblem";
  readonly code: "MANIFEST_INVALID" | "DIGEST_INVALID" | "SIZE_INVALID";
  readonly where: string;

  constructor(where: string, message: string, code: ManifestProblem["code"] = "MANIFEST_INVALID") {
    super(`${where} ${message}`);
    this.code = code;
    this.where = where;
  }
}

/** What is beyond is another media type's business. */
export const MAX_MEDIA_TYPE_LENGTH = 255;
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?:\s*;.*)?$/;

export async function readDescriptor(value: unknown, where: string): Promise<Descriptor> {
  if (!isRecord(value)) throw new ManifestProblem(where, "must be a descriptor: mediaType, digest and size");
  const { mediaType, digest, size, data } = value;
  if (!isMediaType(mediaType)) throw new ManifestProblem(`${where}.mediaType`, "must be a media type");
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw new ManifestProblem(`${where}.digest`, "must be sha256: or sha512: and lower-case hex digits");
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new ManifestProblem(`${where}.size`, "must be a number of bytes");
  }
  if (data !== undefined) await verifyData(data, digest, size, `${where}.data`);
  return { mediaType, digest, size };
}

export function isMediaType(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_MEDIA_TYPE_LENGTH && MEDIA_TYPE.test(value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function verifyData(data: unknown, digest: Digest, size: number, where: string): Promise<void> {
  const bytes = typeof data === "string" ? fromBase64(data) : null;
  if (bytes === null) throw new ManifestProblem(where, "must be base64");
  if (bytes.length !== size) {
    throw new ManifestProblem(where, `has ${bytes.length} bytes, but size says ${size}`, "SIZE_INVALID");
  }
  if ((await digestOfBytes(algorithmOf(digest), bytes)) !== digest) {
    throw new ManifestProblem(where, `does not have the digest ${digest}`, "DIGEST_INVALID");
  }
}
