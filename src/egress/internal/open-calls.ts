/**
 * How many calls of one container to others wait for an answer's beginning: so many, and no more. A circle of calls in
 * which nobody passes on what they have come through holds one open in each round, and ends here.
 */
import { GantryError } from "../../errors.ts";

export const MAX_OPEN_CALLS = 1_000;

/** Of this isolate, by public id; nothing is kept of one that has none. */
const open = new Map<string, number>();

export async function whileOpen<T>(instance: string, call: () => Promise<T>): Promise<T> {
  const count = open.get(instance) ?? 0;
  if (count >= MAX_OPEN_CALLS) {
    const message = `${count} internal calls of this container wait for an answer, which is the most: do they go in a circle?`;
    throw new GantryError("QUEUE_FULL", message, { instance, open: count });
  }
  open.set(instance, count + 1);
  try {
    return await call();
  } finally {
    const left = (open.get(instance) ?? 1) - 1;
    if (left > 0) open.set(instance, left);
    else open.delete(instance);
  }
}
