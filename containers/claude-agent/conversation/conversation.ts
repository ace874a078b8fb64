/**
 * One conversation: what was said, what it has used, and who is talking. One chat at a time: two would each answer what the
 * other has not seen.
 */
import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { ApiError } from "../api/errors.ts";
import type { HistoryLimits } from "../settings.ts";
import { trimHistory, type Exchange } from "./history.ts";
import { IN_MEMORY, openStore, type Opened, type Stored } from "./store.ts";
import { addRequest, type Tokens, type UsageTotals } from "./usage.ts";

const NOTHING: Stored = { exchanges: [], dropped: 0, usage: {} };

export class Conversation {
  /** Null: a member of the pool, which answers everybody and remembers nobody. */
  readonly name: string | null;
  readonly #limits: HistoryLimits;
  readonly #opened: Opened;
  #now: Stored;
  #isTaken = false;
  #isUnsaved = false;
  /** It has used what is not written down yet. */
  #hasUsed = false;

  private constructor(name: string | null, limits: HistoryLimits, opened: Opened) {
    this.name = name;
    this.#limits = limits;
    this.#opened = opened;
    this.#now = opened.stored ?? NOTHING;
  }

  static async open(name: string | null, historyUrl: string | null, limits: HistoryLimits): Promise<Conversation> {
    const opened = name === null ? IN_MEMORY : await openStore(historyUrl, name);
    return new Conversation(name, limits, opened);
  }

  get messages(): MessageParam[] {
    return this.#now.exchanges.flat();
  }

  get dropped(): number {
    return this.#now.dropped;
  }

  get usage(): UsageTotals {
    return this.#now.usage;
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Where it is: `unsaved` until the next write succeeds. */
  get kept(): "none" | "memory" | "kv" | "unsaved" {
    if (this.name === null) return "none";
    return this.#isUnsaved ? "unsaved" : this.#opened.store.kind;
  }

  /** Alone until `work` is over. Throws where somebody is talking. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.name === null) return await work();
    if (this.#isTaken) {
      const message = `conversation ${this.name} is answering another message: wait for it, or use another conversation`;
      throw new ApiError({ status: 409, code: "CONVERSATION_BUSY", message });
    }
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      this.#isTaken = false;
    }
  }

  /** Written down with the next write. */
  used(model: string, tokens: Tokens): void {
    this.#hasUsed = true;
    this.#now = { ...this.#now, usage: addRequest(this.#now.usage, model, tokens) };
  }

  async add(exchange: Exchange): Promise<void> {
    if (this.name === null) return;
    const { exchanges, dropped } = trimHistory([...this.#now.exchanges, exchange], this.#limits);
    this.#now = { ...this.#now, exchanges, dropped: this.#now.dropped + dropped };
    await this.save();
  }

  /** What it has used stays known. */
  async clear(): Promise<void> {
    this.#now = { ...NOTHING, usage: this.#now.usage };
    await this.save();
  }

  async saveUse(): Promise<void> {
    if (this.#hasUsed) await this.save();
  }

  /** An answer that was paid for is not lost because it could not be written down: `kept` says so. */
  async save(): Promise<void> {
    try {
      await this.#opened.store.write(this.#now);
      this.#isUnsaved = false;
      this.#hasUsed = false;
    } catch (error) {
      this.#isUnsaved = true;
      const why = error instanceof Error ? error.message : String(error);
      console.error(JSON.stringify({ level: "error", message: "conversation.unsaved", error: why }));
    }
  }
}
