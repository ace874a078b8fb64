/**
 * What the code under test draws from the machine: ids, random numbers and digests. While a simulation runs they come of its
 * seed, and at once, so that the same seed is the same run.
 */
import { createHash } from "node:crypto";
import type { Random } from "../random.ts";

/** Returns how to put the real ones back. */
export function installEntropy(random: Random): () => void {
  const { random: realRandom } = Math;
  const { subtle } = crypto;
  Math.random = () => random.next();
  Object.defineProperty(crypto, "randomUUID", { configurable: true, value: () => uuidOf(random) });
  Object.defineProperty(subtle, "digest", { configurable: true, value: digest });
  return () => {
    Math.random = realRandom;
    // What was defined on them hides what their prototypes have.
    Reflect.deleteProperty(crypto, "randomUUID");
    Reflect.deleteProperty(subtle, "digest");
  };
}

export function uuidOf(random: Random): string {
  const part = (digits: number) => {
    return Math.floor(random.next() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  };
  return `${part(8)}-${part(4)}-4${part(3)}-8${part(3)}-${part(8)}${part(4)}`;
}

async function digest(_algorithm: string, data: Uint8Array): Promise<ArrayBuffer> {
  return Uint8Array.from(createHash("sha256").update(data).digest()).buffer;
}
