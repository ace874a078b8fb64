/**
 * Transfers under way, by the id that the page chose: what was sent of each, as this server sent it. An id is a secret
 * of whoever chose it; nothing tells which there are.
 */
import { EventEmitter } from "node:events";
import { badRequest } from "../http/api-error.ts";

export type TransferState = "preparing" | "sending" | "done" | "failed" | "aborted";

export interface Snapshot {
  readonly state: TransferState;
  readonly filename: string | null;
  /** Of the whole archive; null while it is not known. */
  readonly total: number | null;
  /** Where in the archive this answer began: a resumed download has the bytes before it already. */
  readonly offset: number;
  /** Of the archive, with those before `offset`. */
  readonly bytes: number;
  /** Bytes a second, of the last seconds. */
  readonly speed: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Nobody guesses 16 characters of this alphabet. */
const ID = /^[\w-]{16,64}$/;
const MAX_KEPT = 1_000;
const SPEED_MS = 3_000;

export function requireId(id: string): string {
  if (!ID.test(id)) throw badRequest("id", "must have 16 to 64 letters, digits, _ or -, and be unguessable");
  return id;
}

export function isOver({ state }: Snapshot): boolean {
  return state === "done" || state === "failed" || state === "aborted";
}

/** One download. Emits `change` when its state is another one; bytes are read when somebody looks. */
export class Transfer extends EventEmitter<{ change: [] }> {
  readonly id: string;
  #state: TransferState = "preparing";
  #filename: string | null = null;
  #total: number | null = null;
  #offset = 0;
  #sent = 0;
  #error: Snapshot["error"] = null;
  /** How much was sent when, of the last seconds. */
  #marks: { readonly at: number; readonly sent: number }[] = [];

  constructor(id: string) {
    super();
    this.id = id;
    this.setMaxListeners(0);
  }

  begins(filename: string, total: number | null, offset: number): void {
    this.#state = "sending";
    this.#filename = filename;
    this.#total = total;
    this.#offset = offset;
    this.#marks = [{ at: Date.now(), sent: 0 }];
    this.emit("change");
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  ends(state: "done" | "failed" | "aborted", error: Snapshot["error"] = null): void {
    if (isOver(this.snapshot())) return;
    this.#state = state;
    this.#error = error;
    this.emit("change");
  }

  snapshot(now = Date.now()): Snapshot {
    return {
      state: this.#state,
      filename: this.#filename,
      total: this.#total,
      offset: this.#offset,
      bytes: this.#offset + this.#sent,
      speed: this.#speed(now),
      error: this.#error,
    };
  }

  #speed(now: number): number {
    this.#marks.push({ at: now, sent: this.#sent });
    // One that is older stays, so that there is always a span to divide by.
    while ((this.#marks[1]?.at ?? now) < now - SPEED_MS) this.#marks.shift();
    const first = this.#marks[0];
    const ms = now - (first?.at ?? now);
    return ms <= 0 ? 0 : Math.round(((this.#sent - (first?.sent ?? 0)) * 1_000) / ms);
  }
}

/** Those that this process knows. Emits the id of each that begins. */
export class Transfers extends EventEmitter<{ begin: [id: string] }> {
  readonly #known = new Map<string, Transfer>();

  constructor() {
    super();
    this.setMaxListeners(0);
  }

  begin(id: string): Transfer {
    const transfer = new Transfer(id);
    this.#known.delete(id);
    this.#known.set(id, transfer);
    for (const [each, kept] of this.#known) {
      if (this.#known.size <= MAX_KEPT) break;
      if (isOver(kept.snapshot())) this.#known.delete(each);
    }
    this.emit("begin", id);
    return transfer;
  }

  get(id: string): Transfer | null {
    return this.#known.get(id) ?? null;
  }
}
