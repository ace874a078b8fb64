/**
 * Memory for bytes on their way, used again and again: what is allocated anew for every read is the garbage collector's for
 * a while, and a process that only passes bytes on would need hundreds of megabytes.
 */

export const PIECE_BYTES = 524_288;

/** Free pieces that are kept, not those in use. */
const MAX_FREE = 24;

export class PieceMemory {
  readonly #free: ArrayBuffer[] = [];
  readonly #used = new WeakSet<ArrayBuffer>();

  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#free.pop() ?? new ArrayBuffer(PIECE_BYTES);
    this.#used.add(buffer);
    return new Uint8Array(buffer);
  }

  /** Any part of what was taken: nobody reads any of it afterwards. Other memory is let alone, and so is what came twice. */
  give({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer) || !this.#used.delete(buffer)) return;
    if (this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
