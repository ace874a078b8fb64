/**
 * Memory for bodies whose length nobody says: they are gathered before they are stored. All uploads of an isolate share
 * 128 MiB with everything else, so when many come at once their buffers are smaller, and none waits for another's client.
 */

/** Enough for most configs: nothing is borrowed for them. */
export const FIRST_BYTES = 256 * 1024;
const LARGE = 8 * 1024 * 1024;
const SMALL = 1024 * 1024;
/** Of all uploads together, as far as large buffers go. */
const BUDGET = 64 * 1024 * 1024;

let lent = 0;

export interface BufferLease extends Disposable {
  /** Bytes of one buffer. */
  readonly size: number;
  /** There is room for a second. */
  readonly isDouble: boolean;
}

export function borrowBuffer(): BufferLease {
  const isLarge = lent + LARGE <= BUDGET;
  const isDouble = lent + 2 * LARGE <= BUDGET;
  const size = isLarge ? LARGE : SMALL;
  const taken = isDouble ? 2 * size : size;
  lent += taken;
  return {
    size,
    isDouble,
    [Symbol.dispose]: () => {
      lent -= taken;
    },
  };
}
