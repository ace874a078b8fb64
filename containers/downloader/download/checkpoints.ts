/**
 * How far the bytes of a blob were hashed when they were sent before, so that a download that goes on in the middle of a
 * large layer need not read the layer from its beginning to verify it. What is verified at the end is then what was sent
 * both times. In memory, and of a few hundred bytes each.
 */
import type { Hash } from "node:crypto";

export interface Checkpoint {
  readonly offset: number;
  /** Of everything before `offset`: to be copied, not used. */
  readonly hash: Hash;
}

const MAX_BLOBS = 500;
const MAX_EACH = 400;

export class Checkpoints {
  readonly #blobs = new Map<string, Checkpoint[]>();

  keep(blob: string, checkpoint: Checkpoint): void {
    const list = this.#blobs.get(blob) ?? [];
    this.#blobs.delete(blob);
    this.#blobs.set(blob, list);
    if (list.some(({ offset }) => offset === checkpoint.offset)) return;
    list.push(checkpoint);
    if (list.length > MAX_EACH) list.shift();
    const [oldest] = this.#blobs.keys();
    if (this.#blobs.size > MAX_BLOBS && oldest !== undefined) this.#blobs.delete(oldest);
  }

  /** The last one up to `offset`; null: it has to be read from its beginning. */
  before(blob: string, offset: number): Checkpoint | null {
    let best: Checkpoint | null = null;
    for (const checkpoint of this.#blobs.get(blob) ?? []) {
      if (checkpoint.offset <= offset && checkpoint.offset > (best?.offset ?? 0)) best = checkpoint;
    }
    return best;
  }

  /** Its bytes turned out to be wrong, and nobody knows from where on. */
  forget(blob: string): void {
    this.#blobs.delete(blob);
  }
}
