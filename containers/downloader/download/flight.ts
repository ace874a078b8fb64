/**
 * One reading of a blob for everybody who wants it now. Bytes are hashed as they come and kept in a window that all readers
 * have in reach; what is read last is handed out only when the digest is right. The reading goes as fast as its slowest
 * reader, until another one has waited for that one too long: then the slow one is left behind, and reads for itself.
 */
import { createHash, type Hash } from "node:crypto";
import { algorithmOf } from "../../../src/registry/oci/digest.ts";
import { DownloadError } from "../errors.ts";
import type { PieceMemory } from "../registry/bulk/memory.ts";
import { openBlob, type BlobPlace, type ByteSource } from "./blob-source.ts";
import type { Budget } from "./budget.ts";
import type { Checkpoint, Checkpoints } from "./checkpoints.ts";
import type { LayerCache } from "./layer-cache.ts";
import { Patience } from "./patience.ts";
import { SharedPiece } from "./pieces.ts";
import { storeLayer } from "./store-layer.ts";

export interface FlightContext {
  readonly memory: PieceMemory;
  readonly budget: Budget;
  readonly checkpoints: Checkpoints;
  /** Digests of layers that are on their way to the cache, by whichever reading. */
  readonly storing: Set<string>;
  /** Its bytes were wrong. */
  readonly onWrong: (key: string) => void;
  readonly onEnd: (flight: Flight) => void;
  /** It is whole and right, and nobody is there who wants it: `retire` ends it. */
  readonly onIdle: (flight: Flight) => void;
}

export interface FlightReader {
  /** Of the next byte that it gets, in the blob. */
  readonly offset: number;
  /** A piece that is held for whoever gets it; null at the end. `LEFT_BEHIND`: read on elsewhere from `offset`. */
  next(): Promise<SharedPiece | null | typeof LEFT_BEHIND>;
  leave(): void;
}

export const LEFT_BEHIND = Symbol("left behind");

/** So small that a part of it is read as a whole, and verified before any of it is sent. */
export const SMALL_BYTES = 2 * 1024 * 1024;

/** A cache that takes longer than that more than a layer's readers gets no more of it. */
const SINK_PATIENCE_MS = 30_000;

/** Between checkpoints of one blob. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;

interface Seat {
  offset: number;
  readonly patience: Patience;
  /** Nothing before the digest is known. */
  readonly isStrict: boolean;
  /** The cache's, for which alone nothing is read. */
  readonly isSink: boolean;
  isWaiting: boolean;
  isLeft: boolean;
  wake: (() => void) | null;
}

export class Flight {
  readonly key: string;
  readonly place: BlobPlace;
  readonly #context: FlightContext;
  readonly #hash: Hash;
  readonly #over = new AbortController();
  readonly #window: SharedPiece[] = [];
  readonly #seats = new Set<Seat>();
  #fetched: number;
  #held = 0;
  #lastCheckpoint: number;
  #state: "flying" | "verified" | "failed" | "over" = "flying";
  #failure: unknown = null;
  #wakePump: (() => void) | null = null;

  /** From the checkpoint on, or from the beginning. */
  constructor(key: string, place: BlobPlace, from: Checkpoint | null, context: FlightContext) {
    this.key = key;
    this.place = place;
    this.#context = context;
    this.#hash = from?.hash.copy() ?? createHash(algorithmOf(place.digest));
    this.#fetched = from?.offset ?? 0;
    this.#lastCheckpoint = this.#fetched;
    void this.#pump();
  }

  /** Whether somebody who wants it from there on can come along. */
  reaches(offset: number): boolean {
    const first = this.#window[0]?.start ?? this.#fetched;
    return (this.#state === "flying" || this.#state === "verified") && first <= offset && offset <= this.#fetched;
  }

  /** Bytes in memory. */
  get held(): number {
    return this.#held;
  }

  join(offset: number, patience: Patience, isStrict = false): FlightReader {
    return this.#sit({ offset, patience, isStrict, isSink: false, isWaiting: false, isLeft: false, wake: null });
  }

  #sit(seat: Seat): FlightReader {
    this.#seats.add(seat);
    return {
      get offset() {
        return seat.offset;
      },
      next: async () => await this.#next(seat),
      leave: () => this.#leave(seat),
    };
  }

  async #next(seat: Seat): Promise<SharedPiece | null | typeof LEFT_BEHIND> {
    const { size } = this.place;
    for (;;) {
      if (seat.isLeft) return LEFT_BEHIND;
      if (this.#state === "over") throw new Error("the reading is over");
      if (seat.offset === size && this.#state === "verified") return null;
      const piece = this.#pieceAt(seat.offset);
      // The last bytes wait for the digest.
      if (piece !== null && ((piece.end < size && !seat.isStrict) || this.#state === "verified")) {
        seat.offset = piece.end;
        piece.hold();
        this.#trim();
        this.#wakePump?.();
        return piece;
      }
      if (this.#state === "failed") throw this.#failure;
      seat.isWaiting = true;
      this.#wakePump?.();
      await new Promise<void>((resolve) => {
        seat.wake = resolve;
      });
      seat.isWaiting = false;
      seat.wake = null;
    }
  }

  #leave(seat: Seat): void {
    seat.isLeft = true;
    if (!this.#seats.delete(seat)) return;
    // It may be waiting for bytes that never come.
    seat.wake?.();
    this.#trim();
    this.#wakePump?.();
    if (![...this.#seats].every(({ isSink }) => isSink)) return;
    if (this.#state === "flying" || this.#state === "failed") this.retire();
    else if (this.#state === "verified" && this.#seats.size === 0) {
      if (this.#held === this.place.size) this.#context.onIdle(this);
      else this.retire();
    }
  }

  /** Nobody reads it any more. */
  retire(): void {
    if (this.#state === "flying") {
      this.#checkpoint();
      this.#over.abort();
    }
    if (this.#state !== "failed") this.#state = "over";
    this.#wakePump?.();
    this.#wakeAll();
    for (const piece of this.#window.splice(0)) this.#drop(piece);
    this.#context.onEnd(this);
  }

  #pieceAt(offset: number): SharedPiece | null {
    return this.#window.find(({ start, end }) => start <= offset && offset < end) ?? null;
  }

  async #pump(): Promise<void> {
    let source: ByteSource | null = null;
    const { size } = this.place;
    try {
      source = await openBlob(this.place, this.#fetched, size, this.#over.signal);
      const { cache } = this.place;
      if (cache !== null && !source.isFromCache && this.#fetched === 0) this.#keep(cache);
      while (this.#state === "flying") {
        const bytes = await source.next();
        if (bytes === null) break;
        this.#add(bytes);
        if (this.#fetched < size) await this.#room();
      }
      if (this.#state === "flying") this.#verify(source.isFromCache);
    } catch (error) {
      this.#fail(error);
    } finally {
      source?.cancel();
    }
  }

  #add(bytes: Uint8Array): void {
    const before = this.#hash.copy();
    this.#hash.update(bytes);
    const piece = new SharedPiece(bytes, this.#fetched, before, this.#context.memory);
    this.#fetched = piece.end;
    if (this.#state !== "flying") {
      piece.release();
      return;
    }
    this.#window.push(piece);
    this.#held += bytes.length;
    this.#context.budget.add(bytes.length);
    if (this.#fetched - this.#lastCheckpoint >= CHECKPOINT_BYTES) this.#checkpoint();
    this.#trim();
    // What nobody may have yet is not worth waking anybody.
    if (this.#fetched < this.place.size) this.#wakeAll();
  }

  /** As one that reads along, so that it costs no memory of its own. */
  #keep(cache: LayerCache): void {
    const { digest, size } = this.place;
    const { storing } = this.#context;
    if (storing.has(digest)) return;
    storing.add(digest);
    const reader = this.#sit({
      offset: 0,
      patience: new Patience(SINK_PATIENCE_MS),
      isStrict: false,
      isSink: true,
      isWaiting: false,
      isLeft: false,
      wake: null,
    });
    void storeLayer(reader, async () => await cache.store(digest, size)).finally(() => storing.delete(digest));
  }

  #verify(isFromCache: boolean): void {
    const { digest, size, cache } = this.place;
    const algorithm = algorithmOf(digest);
    const found = `${algorithm}:${this.#hash.digest("hex")}`;
    if (this.#fetched === size && found === digest) {
      this.#state = "verified";
      this.#wakeAll();
      return;
    }
    this.#context.checkpoints.forget(this.key);
    this.#context.onWrong(this.key);
    if (isFromCache) cache?.drop?.(digest);
    throw new DownloadError("REGISTRY_INVALID", `${digest} came with ${this.#fetched} bytes of the digest ${found}`);
  }

  #fail(error: unknown): void {
    if (this.#state !== "flying") return;
    if (this.#fetched < this.place.size) this.#checkpoint();
    this.#state = "failed";
    this.#failure = error;
    // What came before a reading broke off is as good as ever; what turned out to be wrong goes to nobody any more.
    if (this.#fetched === this.place.size) for (const piece of this.#window.splice(0)) this.#drop(piece);
    this.#wakeAll();
    this.#context.onEnd(this);
    if (this.#seats.size === 0) this.retire();
  }

  #checkpoint(): void {
    if (this.#fetched === this.#lastCheckpoint) return;
    this.#lastCheckpoint = this.#fetched;
    this.#context.checkpoints.keep(this.key, { offset: this.#fetched, hash: this.#hash.copy() });
  }

  /** Until there is room for more; meanwhile those who keep others waiting lose their patience. */
  async #room(): Promise<void> {
    while (this.#state === "flying" && this.#fetched - this.#slowest() >= this.#most) {
      const isHungry = [...this.#seats].some(({ isWaiting, offset }) => isWaiting && offset === this.#fetched);
      const slow = [...this.#seats].filter(({ offset }) => this.#fetched - offset >= this.#most);
      const leftMs = isHungry ? Math.min(...slow.map(({ patience }) => patience.leftMs)) : null;
      const began = performance.now();
      if (leftMs === null || leftMs > 0) await this.#wait(leftMs);
      if (!isHungry) continue;
      for (const seat of slow) {
        seat.patience.spend(performance.now() - began);
        if (seat.patience.leftMs === 0 && this.#fetched - seat.offset >= this.#most) this.#leaveBehind(seat);
      }
    }
  }

  /** Read ahead of the slowest. What is small has to be there as a whole for those who wait for its digest. */
  get #most(): number {
    const { size } = this.place;
    return size <= SMALL_BYTES ? SMALL_BYTES : this.#context.budget.window;
  }

  async #wait(ms: number | null): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = ms === null ? null : setTimeout(resolve, ms);
      this.#wakePump = () => {
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
    });
    this.#wakePump = null;
  }

  #leaveBehind(seat: Seat): void {
    const piece = this.#pieceAt(seat.offset);
    // Where it reads on, nothing before has to be read again.
    if (piece !== null) this.#context.checkpoints.keep(this.key, { offset: piece.start, hash: piece.before });
    seat.isLeft = true;
    this.#seats.delete(seat);
    seat.wake?.();
    this.#trim();
  }

  #slowest(): number {
    let least = this.#fetched;
    for (const { offset } of this.#seats) least = Math.min(least, offset);
    return least;
  }

  /** Drops what nobody here needs, but for a beginning that somebody who comes soon can still use. */
  #trim(): void {
    const slowest = this.#slowest();
    for (let first = this.#window[0]; first !== undefined && first.end <= slowest; first = this.#window[0]) {
      if (this.#held <= this.#context.budget.kept) return;
      this.#window.shift();
      this.#drop(first);
    }
  }

  #drop(piece: SharedPiece): void {
    this.#held -= piece.bytes.length;
    this.#context.budget.add(-piece.bytes.length);
    piece.release();
  }

  #wakeAll(): void {
    for (const { wake } of this.#seats) wake?.();
  }
}
