/** Pieces of memory that several read from: the last one to be ready with it gives it back. */
import type { Hash } from "node:crypto";
import type { PieceMemory } from "../registry/bulk/memory.ts";

export class SharedPiece {
  readonly bytes: Uint8Array;
  /** In the blob. */
  readonly start: number;
  /** Of everything before it: to be copied, not used. */
  readonly before: Hash;
  readonly #memory: PieceMemory;
  #holders = 1;

  constructor(bytes: Uint8Array, start: number, before: Hash, memory: PieceMemory) {
    this.bytes = bytes;
    this.start = start;
    this.before = before;
    this.#memory = memory;
  }

  get end(): number {
    return this.start + this.bytes.length;
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#memory.give(this.bytes);
  }
}
