/**
 * How long layers of zstd are once they are unpacked. No manifest says it, and an archive's length depends on it: a layer
 * that was not seen before is read once for it, and its length remembered.
 */
import type { Digest } from "../../../src/registry/oci/digest.ts";
import { DownloadError } from "../errors.ts";
import type { BlobPlace } from "./blob-source.ts";
import type { Flights } from "./flights.ts";
import { Patience } from "./patience.ts";
import { unpacked } from "./unpack.ts";

const MAX_KEPT = 10_000;
/** A few bytes of zstd can stand for as many zeros as one likes: what is beyond both is no layer that somebody made. */
const MAX_GROWTH = 200;
const MAX_GROWN_BYTES = 1024 ** 3;

interface Measuring {
  readonly length: Promise<number>;
  readonly over: AbortController;
  /** Those who want to know it. It is read for nobody else. */
  waiting: number;
  isKnown: boolean;
}

export class UnpackedLengths {
  readonly #flights: Flights;
  readonly #known = new Map<string, Measuring>();

  constructor(flights: Flights) {
    this.#flights = flights;
  }

  /** Throws when it is not waited for any more, which `signal` says. */
  async of(place: BlobPlace, diffId: Digest, signal?: AbortSignal): Promise<number> {
    const key = `${this.#flights.keyOf(place)} ${diffId}`;
    const measuring = this.#known.get(key) ?? this.#begin(key, place, diffId);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const leave = () => reject(new DownloadError("REGISTRY_UNREACHABLE", `${place.digest} was not read in time`));
    signal?.addEventListener("abort", leave);
    if (signal?.aborted === true) leave();
    measuring.waiting += 1;
    try {
      return await Promise.race([measuring.length, late]);
    } finally {
      signal?.removeEventListener("abort", leave);
      measuring.waiting -= 1;
      if (measuring.waiting === 0 && !measuring.isKnown) {
        if (this.#known.get(key) === measuring) this.#known.delete(key);
        measuring.over.abort();
      }
    }
  }

  #begin(key: string, place: BlobPlace, diffId: Digest): Measuring {
    const over = new AbortController();
    const length = this.#measure(place, diffId, over.signal);
    const measuring: Measuring = { length, over, waiting: 0, isKnown: false };
    length.then(
      () => (measuring.isKnown = true),
      // Whoever waits for it is told.
      () => undefined,
    );
    this.#known.set(key, measuring);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KEPT && oldest !== undefined) this.#known.delete(oldest);
    return measuring;
  }

  async #measure(place: BlobPlace, diffId: Digest, signal: AbortSignal): Promise<number> {
    const reader = this.#flights.read(place, 0, new Patience());
    const leave = () => reader.leave();
    signal.addEventListener("abort", leave);
    const most = Math.max(MAX_GROWN_BYTES, place.size * MAX_GROWTH);
    let length = 0;
    try {
      for await (const bytes of unpacked(reader, diffId, null)) {
        length += bytes.length;
        if (length > most) throw new DownloadError("NOT_AN_IMAGE", `${place.digest} grows to more than ${most} bytes`);
      }
      return length;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
