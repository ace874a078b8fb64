/**
 * Where the frames of a zstd stream end (RFC 8878). A layer may be of many, and Node's decompressor takes what follows one in
 * the same write for rubbish: so writes end where frames do. Nothing is checked here, the decompressor does it. Pure.
 */

const FRAME = 0xfd2fb528;
/** Sixteen magic numbers. */
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const CONTENT_BYTES = [0, 2, 4, 8] as const;

type State = "magic" | "skip-size" | "skip" | "descriptor" | "header" | "block-size" | "block" | "checksum" | "unknown";

export class FrameCutter {
  #state: State = "magic";
  /** Of the current part of a frame. */
  #left = 4;
  #value = 0;
  #shift = 0;
  #hasChecksum = false;
  #isLast = false;

  /** The same bytes in order, each part up to the end of a frame or of what came. */
  cut(bytes: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let from = 0;
    let at = 0;
    while (at < bytes.length && this.#state !== "unknown") {
      const taken = Math.min(this.#left, bytes.length - at);
      if (this.#isNumber) for (let index = 0; index < taken; index += 1) this.#read(bytes[at + index] ?? 0);
      at += taken;
      this.#left -= taken;
      // Parts of no bytes are over at once.
      while (this.#left === 0 && this.#next()) {
        parts.push(bytes.subarray(from, at));
        from = at;
      }
    }
    if (from < bytes.length) parts.push(bytes.subarray(from));
    return parts;
  }

  get #isNumber(): boolean {
    return this.#state !== "skip" && this.#state !== "header" && this.#state !== "block" && this.#state !== "checksum";
  }

  #read(byte: number): void {
    this.#value += byte * 2 ** this.#shift;
    this.#shift += 8;
  }

  #enter(state: State, length: number): void {
    this.#state = state;
    this.#left = length;
    this.#value = 0;
    this.#shift = 0;
  }

  /** From a part that is over to the one after it. True: a frame has ended. */
  #next(): boolean {
    const value = this.#value;
    switch (this.#state) {
      case "magic":
        if (value === FRAME) this.#enter("descriptor", 1);
        else if (value >>> 4 === SKIPPABLE >>> 4) this.#enter("skip-size", 4);
        else this.#enter("unknown", Number.POSITIVE_INFINITY);
        return false;
      case "skip-size":
        this.#enter("skip", value);
        return false;
      case "descriptor": {
        const isSingle = (value & 0x20) !== 0;
        this.#hasChecksum = (value & 0x04) !== 0;
        const content = CONTENT_BYTES[(value >>> 6) as 0 | 1 | 2 | 3] || (isSingle ? 1 : 0);
        const dictionary = DICTIONARY_BYTES[(value & 3) as 0 | 1 | 2 | 3];
        this.#enter("header", (isSingle ? 0 : 1) + dictionary + content);
        return false;
      }
      case "block-size":
        this.#isLast = (value & 1) === 1;
        // A block of one repeated byte has that byte alone.
        this.#enter("block", ((value >>> 1) & 3) === 1 ? 1 : value >>> 3);
        return false;
      case "block":
        if (this.#isLast) this.#enter("checksum", this.#hasChecksum ? 4 : 0);
        else this.#enter("block-size", 3);
        return false;
      case "header":
        this.#enter("block-size", 3);
        return false;
      case "skip":
      case "checksum":
        this.#enter("magic", 4);
        return true;
      case "unknown":
        return false;
    }
  }
}
