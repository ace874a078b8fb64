/** SSH's wire form (RFC 4251): numbers of four bytes, and strings of bytes with their length in front. */
import { joined } from "./encoding.ts";

export class WireReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Null where there is less than that. */
  take(length: number): Uint8Array<ArrayBuffer> | null {
    if (this.#at + length > this.#bytes.length) return null;
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  number(): number | null {
    const bytes = this.take(4);
    return bytes === null ? null : new DataView(bytes.buffer).getUint32(0);
  }

  string(): Uint8Array<ArrayBuffer> | null {
    const length = this.number();
    return length === null ? null : this.take(length);
  }

  text(): string | null {
    const bytes = this.string();
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }
}

/** Each part with its length in front. */
export function wireStrings(...parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const framed = parts.flatMap((part) => {
    const bytes = typeof part === "string" ? encoder.encode(part) : part;
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, bytes.length);
    return [length, bytes];
  });
  return joined(...framed);
}
