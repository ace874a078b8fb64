/**
 * Messages from a scheduler to its instances: a bounded fan-out, and the memory of what was answered.
 *
 * All of it may be forgotten at any time (an eviction): every message is idempotent by deployment and generation, so
 * the worst case is that one is sent twice. The durable part is the intent in the deployment's row.
 */
import type { Deployment } from "./plan/deployment.ts";
import type { Delivery } from "./plan/plan.ts";
import { NotYet } from "./not-yet.ts";
import { withTimeout } from "../with-timeout.ts";

/**
 * Calls between objects are not among the platform's six connections of an invocation; it queues what is too much. With 6
 * at a time the round trips are what takes time: 1,000 placements took 6.4 s in one workerd, and 5.2 s with 32 or more.
 */
export const MAX_IN_FLIGHT = 32;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;
/** After this many silent check intervals an instance is asked. */
export const SILENT_INTERVALS = 3;

/** An instance answers within moments or not at all; a message without an answer may not hold its place for ever. */
export const MESSAGE_TIMEOUT_MS = 30_000;

interface Message {
  readonly id: string;
  readonly key: string;
  /** Resolves with what is to be done with the answer, once the message no longer counts as under way. */
  readonly send: () => Promise<() => void>;
}

export class Outbox implements Delivery {
  readonly #waiting: Message[] = [];
  readonly #inFlight = new Set<string>();
  readonly #acknowledged = new Map<string, string>();
  readonly #failures = new Map<string, { count: number; retryAt: number }>();
  readonly #lastHeard = new Map<string, number>();
  readonly #lastSent = new Map<string, number>();
  readonly #bornAt: number;
  readonly #silentAfterMs: () => number;
  readonly #clock: () => number;
  readonly #onSettled: () => void;
  #active = 0;

  constructor(deps: { clock: () => number; silentAfterMs: () => number; onSettled: () => void }) {
    this.#clock = deps.clock;
    this.#silentAfterMs = deps.silentAfterMs;
    this.#onSettled = deps.onSettled;
    this.#bornAt = deps.clock();
  }

  isAcknowledged(id: string, generation: number, phase: Deployment["phase"]): boolean {
    return this.#acknowledged.get(id) === messageKey(generation, phase);
  }

  isInFlight(id: string): boolean {
    return this.#inFlight.has(id);
  }

  retryAt(id: string): number {
    return this.#failures.get(id)?.retryAt ?? 0;
  }

  /** What has failed is sent again at once. */
  hurry(): void {
    for (const [id, { count }] of this.#failures) this.#failures.set(id, { count, retryAt: 0 });
  }

  lastSentAt(id: string): number {
    return this.#lastSent.get(id) ?? 0;
  }

  isSilent(id: string): boolean {
    return this.#clock() - (this.#lastHeard.get(id) ?? this.#bornAt) > this.#silentAfterMs();
  }

  heard(id: string): void {
    this.#lastHeard.set(id, this.#clock());
  }

  forget(id: string): void {
    for (const memory of [this.#acknowledged, this.#failures, this.#lastHeard, this.#lastSent]) memory.delete(id);
  }

  /** Queues a message. `send` resolves when the instance has answered; its rejection is a failed delivery. */
  post(deployment: Pick<Deployment, "id" | "generation" | "phase">, send: Message["send"]): void {
    this.#inFlight.add(deployment.id);
    this.#waiting.push({ id: deployment.id, key: messageKey(deployment.generation, deployment.phase), send });
    this.#pump();
  }

  #pump(): void {
    while (this.#active < MAX_IN_FLIGHT) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#active += 1;
      void this.#deliver(message);
    }
  }

  async #deliver(message: Message): Promise<void> {
    let consume: (() => void) | undefined;
    this.#lastSent.set(message.id, this.#clock());
    try {
      consume = await withTimeout(message.send(), MESSAGE_TIMEOUT_MS);
      this.#acknowledged.set(message.id, message.key);
      this.#failures.delete(message.id);
    } catch (error) {
      const count = (this.#failures.get(message.id)?.count ?? 0) + 1;
      const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(count - 1, 10));
      this.#failures.set(message.id, { count, retryAt: this.#clock() + delayMs });
      if (!(error instanceof NotYet))
        console.warn({ message: "instance.message.failed", deployment: message.id, count, error: String(error) });
    }
    this.#active -= 1;
    // A later message about the same deployment may already wait.
    if (!this.#waiting.some((waiting) => waiting.id === message.id)) this.#inFlight.delete(message.id);
    this.#pump();
    // A crash from here on forgets only what the instance says again.
    if (consume === undefined) this.#onSettled();
    else consume();
  }
}

function messageKey(generation: number, phase: Deployment["phase"]): string {
  return `${generation}:${phase}`;
}
