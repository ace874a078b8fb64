/** Every reading of a blob that is under way, so that who wants the same bytes reads along. */
import type { PieceMemory } from "../registry/bulk/memory.ts";
import type { Registry } from "../registry/registries.ts";
import type { BlobPlace } from "./blob-source.ts";
import { Budget } from "./budget.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Flight, LEFT_BEHIND, type FlightContext, type FlightReader } from "./flight.ts";
import type { Patience } from "./patience.ts";
import type { SharedPiece } from "./pieces.ts";

/** What is whole stays so long for those who come a moment later. */
const IDLE_MS = 10_000;
const MAX_IDLE_BYTES = 8 * 1024 * 1024;
/** How long it is remembered that bytes of a blob were wrong. */
const WRONG_MS = 3_600_000;
const MAX_WRONG = 1_000;

export interface BlobReader {
  /** Null at the end of the blob, once it was verified. Whoever gets bytes releases them. */
  readonly next: () => Promise<HeldBytes | null>;
  readonly leave: () => void;
}

export interface HeldBytes {
  readonly bytes: Uint8Array;
  readonly release: () => void;
}

export class Flights {
  readonly memory: PieceMemory;
  readonly budget = new Budget();
  readonly #flights = new Set<Flight>();
  readonly #idle = new Map<Flight, NodeJS.Timeout>();
  readonly #checkpoints = new Checkpoints();
  readonly #wrong = new Map<string, number>();
  readonly #owners = new WeakMap<Registry, number>();
  readonly #context: FlightContext;
  #lastOwner = 0;

  constructor(memory: PieceMemory) {
    this.memory = memory;
    this.#context = {
      memory,
      budget: this.budget,
      checkpoints: this.#checkpoints,
      storing: new Set(),
      onWrong: (key) => this.#noteWrong(key),
      onEnd: (flight) => this.#end(flight),
      onIdle: (flight) => this.#keepIdle(flight),
    };
  }

  /** From `start` to the blob's end. `isStrict`: nothing before the digest is known, which only small ones can be. */
  read(place: BlobPlace, start: number, patience: Patience, isStrict = false): BlobReader {
    let reader = this.#join(place, start, patience, isStrict);
    let isOver = false;
    return {
      next: async () => {
        for (;;) {
          const piece: SharedPiece | null | typeof LEFT_BEHIND = await reader.next();
          if (isOver) {
            if (piece !== null && piece !== LEFT_BEHIND) piece.release();
            throw new Error("nobody reads it any more");
          }
          if (piece === LEFT_BEHIND) {
            reader = this.#join(place, reader.offset, patience, isStrict);
            continue;
          }
          if (piece === null) return null;
          if (piece.end > start) {
            return { bytes: piece.bytes.subarray(Math.max(0, start - piece.start)), release: () => piece.release() };
          }
          // Read for its digest alone.
          piece.release();
        }
      },
      leave: () => {
        isOver = true;
        reader.leave();
      },
    };
  }

  /** Bytes of it were sent that turned out to be wrong, and whoever has them must not go on from there. */
  wasWrong(place: Pick<BlobPlace, "digest" | "registry">): boolean {
    const at = this.#wrong.get(this.keyOf(place));
    return at !== undefined && Date.now() - at < WRONG_MS;
  }

  #join(place: BlobPlace, offset: number, patience: Patience, isStrict: boolean): FlightReader {
    const key = this.keyOf(place);
    const existing = [...this.#flights].find((flight) => flight.key === key && flight.reaches(offset));
    if (existing !== undefined) {
      clearTimeout(this.#idle.get(existing));
      this.#idle.delete(existing);
      return existing.join(offset, patience, isStrict);
    }
    const from = offset === 0 ? null : this.#checkpoints.before(key, offset);
    const flight = new Flight(key, place, from, this.#context);
    this.#flights.add(flight);
    return flight.join(from?.offset ?? 0, patience, isStrict);
  }

  /**
   * Who shares a reading. Those of one registry alone: another one that says it has the same layer may send wrong bytes of
   * it, or none. What a password is needed for is shared by nobody.
   */
  keyOf({ digest, registry }: Pick<BlobPlace, "digest" | "registry">): string {
    if (!registry.isPrivate) return `${registry.domain} ${digest}`;
    let owner = this.#owners.get(registry);
    if (owner === undefined) {
      this.#lastOwner += 1;
      owner = this.#lastOwner;
      this.#owners.set(registry, owner);
    }
    return `${owner} ${digest}`;
  }

  #noteWrong(key: string): void {
    this.#wrong.delete(key);
    this.#wrong.set(key, Date.now());
    const [oldest] = this.#wrong.keys();
    if (this.#wrong.size > MAX_WRONG && oldest !== undefined) this.#wrong.delete(oldest);
  }

  #end(flight: Flight): void {
    clearTimeout(this.#idle.get(flight));
    this.#idle.delete(flight);
    this.#flights.delete(flight);
  }

  #keepIdle(flight: Flight): void {
    const timer = setTimeout(() => flight.retire(), IDLE_MS);
    timer.unref();
    this.#idle.set(flight, timer);
    let bytes = [...this.#idle.keys()].reduce((sum, { held }) => sum + held, 0);
    for (const oldest of this.#idle.keys()) {
      if (bytes <= MAX_IDLE_BYTES) break;
      bytes -= oldest.held;
      oldest.retire();
    }
  }
}
