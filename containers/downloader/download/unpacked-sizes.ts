/**
 * How long layers of zstd are once they are unpacked. No manifest says it, and an archive's length depends on it: a layer
 * that was not seen before is read once for it, and its length remembered.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import type { BlobPlace } from "./blob-source.ts";
import type { Flights } from "./flights.ts";
import { Patience } from "./patience.ts";
import { unpacked } from "./unpack.ts";

const MAX_KEPT = 10_000;

export class UnpackedLengths {
  readonly #flights: Flights;
  readonly #known = new Map<string, Promise<number>>();

  constructor(flights: Flights) {
    this.#flights = flights;
  }

  async of(place: BlobPlace, diffId: Digest): Promise<number> {
    const key = `${this.#flights.keyOf(place)} ${diffId}`;
    const known = this.#known.get(key);
    if (known !== undefined) return await known;
    const measured = this.#measure(place, diffId);
    this.#known.set(key, measured);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KEPT && oldest !== undefined) this.#known.delete(oldest);
    try {
      return await measured;
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }

  async #measure(place: BlobPlace, diffId: Digest): Promise<number> {
    let length = 0;
    for await (const bytes of unpacked(this.#flights.read(place, 0, new Patience()), diffId, null))
      length += bytes.length;
    return length;
  }
}
