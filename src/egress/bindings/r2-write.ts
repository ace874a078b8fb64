/**
 * PUT of an object. Of known length it is one put that streams, which R2 decides on as a whole: conditions, checksum, and
 * nothing is stored of a body that breaks off. Of unknown length, which R2 takes in parts only, at most one part is in memory.
 */
import { waitUntil } from "cloudflare:workers";
import { invalid } from "../../api/body.ts";
import { fromBase64, toHex } from "../../encoding.ts";
import { GantryError } from "../../errors.ts";
import type { Address } from "./address.ts";
import { conditionsOf, writeConditions } from "./conditions.ts";
import { shown } from "./grants.ts";
import { HeldMemory } from "./memory.ts";
import { partsOf } from "./parts.ts";
import { describedBy, SHA256_HEADER, type Described } from "./r2-headers.ts";
import { lengthOf } from "./requests.ts";

/** R2 takes no smaller ones, and no more than 10,000. */
const PART_BYTES = 5 * 1_048_576;
const MAX_PARTS = 10_000;
/** 5 GiB less what R2 keeps for itself; what is larger goes in parts. */
const MAX_PUT_BYTES = 5_363_466_240;

interface Checksum {
  readonly algorithm: "MD5" | "SHA-256";
  readonly hex: string;
}

export async function writeObject(request: Request, { binding, key }: Address, bucket: R2Bucket): Promise<Response> {
  const { headers } = request;
  for (const name of ["if-modified-since", "if-unmodified-since"]) {
    if (headers.has(name)) throw invalid({ [name]: "is too coarse for a write: use If-Match with the ETag" });
  }
  if (headers.has("content-range")) throw invalid({ "content-range": "is not possible: objects are written whole" });
  const described = describedBy(headers);
  const checksum = checksumOf(headers);
  const onlyIf = writeConditions(conditionsOf(headers));
  const length = lengthOf(request);
  const isOnePut = length !== null && length <= MAX_PUT_BYTES;
  if (onlyIf !== null && !isOnePut) throw noCondition(length);
  const object = isOnePut
    ? await bucket.put(key, bodyOf(request, length), optionsOf(described, checksum, onlyIf))
    : await inParts(request.body ?? new Blob([]).stream(), { key, bucket, described, checksum });
  if (object === null) {
    const message = `key ${JSON.stringify(shown(key))} of binding ${shown(binding)} does not match the condition`;
    throw new GantryError("PRECONDITION_FAILED", message, { binding: shown(binding), key: shown(key) });
  }
  const { size, httpEtag, uploaded } = object;
  return Response.json({ key, size, etag: httpEtag, uploaded }, { headers: { etag: httpEtag } });
}

function bodyOf({ body }: Request, length: number): ReadableStream | string {
  return body === null ? "" : body.pipeThrough(new FixedLengthStream(length));
}

function optionsOf({ httpMetadata, customMetadata }: Described, checksum: Checksum | null, onlyIf: Headers | null) {
  return {
    httpMetadata,
    customMetadata,
    ...(checksum === null ? {} : checksum.algorithm === "MD5" ? { md5: checksum.hex } : { sha256: checksum.hex }),
    ...(onlyIf === null ? {} : { onlyIf }),
  };
}

interface Target {
  readonly key: string;
  readonly bucket: R2Bucket;
  readonly described: Described;
  readonly checksum: Checksum | null;
}

async function inParts(body: ReadableStream<Uint8Array>, target: Target): Promise<R2Object> {
  const { key, bucket, described, checksum } = target;
  const digest = checksum === null ? null : new Digest(checksum);
  let upload: R2MultipartUpload | null = null;
  const uploaded: R2UploadedPart[] = [];
  const memory = new HeldMemory();
  const work = async (): Promise<R2Object> => {
    for await (const { bytes, isLast } of partsOf(body, PART_BYTES, memory.take)) {
      if (isLast && upload === null) return await bucket.put(key, bytes, optionsOf(described, checksum, null));
      if (uploaded.length === MAX_PARTS) throw tooLarge();
      await digest?.add(bytes);
      upload ??= await bucket.createMultipartUpload(key, described);
      uploaded.push(await upload.uploadPart(uploaded.length + 1, bytes));
    }
    await digest?.verify();
    if (upload === null) throw new Error("a body has a last part");
    return await upload.complete(uploaded);
  };
  const outcome = work()
    .catch(async (error: unknown) => {
      digest?.leave();
      await upload?.abort().catch(() => undefined);
      throw error;
    })
    .finally(() => memory.release());
  // Also of whoever is gone, so that what was uploaded is not kept, and paid for.
  waitUntil(outcome.catch(() => undefined));
  return await outcome;
}

/** R2 verifies no checksum of what comes in parts. */
class Digest {
  readonly #checksum: Checksum;
  readonly #stream: DigestStream;
  readonly #writer: WritableStreamDefaultWriter<ArrayBuffer | ArrayBufferView>;

  constructor(checksum: Checksum) {
    this.#checksum = checksum;
    this.#stream = new crypto.DigestStream(checksum.algorithm);
    this.#stream.digest.catch(() => undefined);
    this.#writer = this.#stream.getWriter();
  }

  async add(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(bytes);
  }

  async verify(): Promise<void> {
    await this.#writer.close();
    const found = toHex(await this.#stream.digest);
    const { algorithm, hex } = this.#checksum;
    if (found === hex) return;
    const message = `the body's ${algorithm} is ${found} and not ${hex}: nothing was stored`;
    throw new GantryError("CHECKSUM_MISMATCH", message, { algorithm, found });
  }

  leave(): void {
    this.#writer.abort().catch(() => undefined);
  }
}

function checksumOf(headers: Headers): Checksum | null {
  const md5 = headers.get("content-md5");
  const sha256 = headers.get(SHA256_HEADER);
  if (sha256 !== null) {
    if (md5 !== null) throw invalid({ "content-md5": `cannot be together with ${SHA256_HEADER}: send one of them` });
    if (!/^[\da-f]{64}$/i.test(sha256)) throw invalid({ [SHA256_HEADER]: "must be 64 hex digits" });
    return { algorithm: "SHA-256", hex: sha256.toLowerCase() };
  }
  if (md5 === null) return null;
  const bytes = fromBase64(md5);
  if (bytes?.byteLength !== 16) throw invalid({ "content-md5": "must be the 16 bytes of an MD5 in base64" });
  return { algorithm: "MD5", hex: toHex(bytes) };
}

function noCondition(length: number | null): GantryError {
  if (length !== null) {
    const message = `a conditional write has at most ${MAX_PUT_BYTES} bytes`;
    return new GantryError("BODY_TOO_LARGE", message, { limit: MAX_PUT_BYTES });
  }
  return new GantryError("LENGTH_REQUIRED", "a conditional write needs Content-Length: R2 decides on it as a whole");
}

function tooLarge(): GantryError {
  const limit = PART_BYTES * MAX_PARTS;
  return new GantryError("BODY_TOO_LARGE", `a body whose length is not said has at most ${limit} bytes`, { limit });
}
