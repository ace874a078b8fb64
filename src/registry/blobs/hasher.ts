/**
 * The digest of an upload while its bytes pass. The platform's own hash is several times as fast, but begins at the first
 * byte and ends with the last, in one request. A hash whose state is kept between requests is for what comes in chunks.
 */
import { _SHA256, _SHA512 } from "@noble/hashes/sha2.js";
import { fromBase64, toBase64 } from "../../encoding.ts";
import { digestOf, SUBTLE_NAME, type Digest, type DigestAlgorithm } from "../oci/digest.ts";
import type { HashState } from "../store/contract.ts";

export interface Hasher {
  readonly algorithm: DigestAlgorithm;
  /** The bytes may be written over once it has resolved. */
  update(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What is to be known of the first `offset` bytes, where those are all it was given; null: nothing. */
  save(offset: number): HashState | null;
  /** The same, and nothing follows in this request. */
  finish(offset: number): Promise<HashState>;
}

export function nativeHasher(algorithm: DigestAlgorithm): Hasher {
  const stream = new crypto.DigestStream(SUBTLE_NAME[algorithm]);
  const writer = stream.getWriter();
  return {
    algorithm,
    update: async (bytes) => await writer.write(bytes),
    save: () => null,
    finish: async (offset) => {
      await writer.close();
      return { algorithm, offset, digest: digestOf(algorithm, await stream.digest), state: null };
    },
  };
}

/** `state`: of an earlier request; null: from the first byte. */
export function resumableHasher(algorithm: DigestAlgorithm, state: string | null): Hasher {
  const hash = algorithm === "sha256" ? new Sha256() : new Sha512();
  if (state !== null) hash.restore(fromBase64(state) ?? new Uint8Array());
  const save = (offset: number): HashState => ({
    algorithm,
    offset,
    digest: digestOf(algorithm, hash.clone().digest().slice().buffer),
    state: toBase64(hash.saved()),
  });
  return {
    algorithm,
    update: async (bytes) => {
      hash.update(bytes);
    },
    save,
    finish: async (offset) => save(offset),
  };
}

export async function digestOfNothing(algorithm: DigestAlgorithm): Promise<Digest> {
  return digestOf(algorithm, await crypto.subtle.digest(SUBTLE_NAME[algorithm], new Uint8Array()));
}

/*
 * A state as text: how many bytes it covers in eight, the words of the state in four each, then the bytes that fill no
 * block yet.
 */
const LENGTH_BYTES = 8;
const WORD_BYTES = 4;

class Sha256 extends _SHA256 {
  saved(): Uint8Array<ArrayBuffer> {
    return packState(this.length, this.get(), this.buffer.subarray(0, this.pos));
  }

  restore(bytes: Uint8Array<ArrayBuffer>): void {
    const { length, words, rest } = unpackState(bytes, 8, this.blockLen);
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = words;
    this.set(a, b, c, d, e, f, g, h);
    this.buffer.set(rest);
    this.pos = rest.length;
    this.length = length;
  }
}

class Sha512 extends _SHA512 {
  saved(): Uint8Array<ArrayBuffer> {
    return packState(this.length, this.get(), this.buffer.subarray(0, this.pos));
  }

  restore(bytes: Uint8Array<ArrayBuffer>): void {
    const { length, words, rest } = unpackState(bytes, 16, this.blockLen);
    this.set(...(words as Parameters<_SHA512Words>));
    this.buffer.set(rest);
    this.pos = rest.length;
    this.length = length;
  }
}

/** Eight words of 64 bits, each as two halves. */
type _SHA512Words = (...halves: Sixteen<number>) => void;
type Sixteen<T> = [T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T];

function packState(length: number, words: readonly number[], rest: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LENGTH_BYTES + words.length * WORD_BYTES + rest.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length));
  for (const [index, word] of words.entries()) view.setInt32(LENGTH_BYTES + index * WORD_BYTES, word);
  bytes.set(rest, LENGTH_BYTES + words.length * WORD_BYTES);
  return bytes;
}

function unpackState(bytes: Uint8Array<ArrayBuffer>, wordCount: number, blockLength: number) {
  const head = LENGTH_BYTES + wordCount * WORD_BYTES;
  if (bytes.length < head) throw new Error(`a saved hash of ${bytes.length} bytes is too short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0));
  const rest = bytes.subarray(head);
  if (rest.length !== length % blockLength)
    throw new Error("a saved hash does not have the bytes that its length says");
  const words = Array.from({ length: wordCount }, (_, index) => view.getInt32(LENGTH_BYTES + index * WORD_BYTES));
  return { length, words, rest };
}
