/** A body that is taken in parts: never more of it in memory than one. */

export interface Part {
  /** A view of memory that the next part is written to. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isLast: boolean;
}

/** What small bodies take, which are the many. */
const FIRST_BYTES = 65_536;

/**
 * All parts but the last have `size` bytes; there is always a last one, empty for an empty body. `take` is told of memory
 * before it is taken, and may throw; it is kept to the end.
 */
export async function* partsOf(
  body: ReadableStream<Uint8Array>,
  size: number,
  take: (bytes: number) => void = () => undefined,
): AsyncGenerator<Part, void, void> {
  let memory = new Uint8Array(0);
  let used = 0;
  for await (const chunk of body) {
    for (let rest = chunk; rest.byteLength > 0;) {
      if (used === size) {
        yield { bytes: memory, isLast: false };
        used = 0;
      }
      const piece = rest.subarray(0, size - used);
      const needed = used + piece.byteLength;
      if (needed > memory.byteLength) {
        const larger = Math.min(size, Math.max(needed, memory.byteLength * 2, FIRST_BYTES));
        take(larger - memory.byteLength);
        memory = grown(memory, larger);
      }
      memory.set(piece, used);
      used = needed;
      rest = rest.subarray(piece.byteLength);
    }
  }
  yield { bytes: memory.subarray(0, used), isLast: true };
}

function grown(memory: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(memory);
  return larger;
}
