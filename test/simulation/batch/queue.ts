/**
 * The queue and its consumer: messages come at least once, in batches, and again when the consumer ended in the middle or
 * asked for it. What the consumer neither acknowledges nor gives back is acknowledged by its end, as the platform does.
 */
import { consume } from "../../../src/jobs/tasks/consumer.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import type { Random } from "../random.ts";
import type { BatchFaults } from "./faults.ts";

const BATCH = 10;
const SOON_MS = 1_000;
const RETRY_MS = 10_000;
const LATER_MS = 60_000;
/** Then the platform takes it for dead, and says nothing. */
const MOST_DELIVERIES = 101;

export interface QueuedMessage {
  readonly id: string;
  readonly body: unknown;
  attempts: number;
  isHeld: boolean;
  /** Acknowledged, once at least. */
  isAcknowledged: boolean;
  /** Given up by the platform. */
  isDropped: boolean;
}

export interface QueueDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults: BatchFaults;
  readonly env: (from: Lifetime) => Env;
  readonly trace: (line: string) => void;
  readonly onAcknowledged: (message: QueuedMessage) => void;
  /** For tests of the invariants. */
  readonly tamper: (batch: MessageBatch) => MessageBatch;
}

export class SimulatedQueue {
  readonly all: QueuedMessage[] = [];
  deliveries = 0;
  readonly #deps: QueueDeps;
  readonly #waiting = new Set<QueuedMessage>();
  #isDue = false;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
  }

  send(id: string, body: unknown): void {
    const message = { id, body, attempts: 0, isHeld: false, isAcknowledged: false, isDropped: false };
    this.all.push(message);
    this.#put(message, 0);
  }

  /** Something of it is yet to be dealt with. */
  get open(): QueuedMessage | undefined {
    return this.all.find(({ isAcknowledged, isDropped }) => !isAcknowledged && !isDropped);
  }

  #put(message: QueuedMessage, ms: number): void {
    this.#deps.time.after(ms, () => {
      this.#waiting.add(message);
      if (this.#isDue) return;
      this.#isDue = true;
      this.#deps.time.after(this.#deps.random.between(0, SOON_MS), () => {
        this.#isDue = false;
        void this.#deliver();
      });
    });
  }

  async #deliver(): Promise<void> {
    const { time, random, faults, env, trace, tamper } = this.#deps;
    const batch = [...this.#waiting].slice(0, BATCH);
    for (const message of batch) this.#waiting.delete(message);
    // Those that are left are another batch.
    if (this.#waiting.size > 0) for (const message of this.#waiting) this.#put(message, 1);
    this.#waiting.clear();
    if (batch.length === 0) return;
    this.deliveries += 1;
    trace(`batch of ${batch.map(({ id }) => id).join(", ")}`);
    const life: Lifetime = { alive: true };
    const fates = new Map<QueuedMessage, number | "ack">();
    const messages = batch.map((message) => {
      message.attempts += 1;
      const { id, body, attempts } = message;
      const settle = (fate: number | "ack") => {
        if (!fates.has(message)) fates.set(message, fate);
      };
      return {
        id,
        body,
        attempts,
        timestamp: new Date(time.now),
        ack: () => settle("ack"),
        retry: (options?: QueueRetryOptions) => settle((options?.delaySeconds ?? RETRY_MS / 1_000) * 1_000),
      };
    });
    const end = (unsaid: number | "ack") => {
      if (!life.alive) return;
      life.alive = false;
      for (const message of batch) this.#settle(message, fates.get(message) ?? unsaid);
    };
    if (random.chance(faults.consumerDies)) {
      time.after(random.between(0, 200), () => {
        // With all that it has said.
        fates.clear();
        end(RETRY_MS);
      });
    }
    // The consumer uses nothing else of a batch.
    const given = { queue: "gantry-tasks", messages } as unknown as MessageBatch;
    await consume(tamper(given), env(life)).then(
      () => end("ack"),
      () => end(RETRY_MS),
    );
  }

  #settle(message: QueuedMessage, fate: number | "ack"): void {
    const { random, faults, trace, onAcknowledged } = this.#deps;
    if (fate === "ack") {
      trace(`${message.id} is acknowledged`);
      message.isAcknowledged = true;
      onAcknowledged(message);
      if (random.chance(faults.deliveredTwice)) this.#put(message, random.between(0, LATER_MS));
      return;
    }
    if (message.attempts >= MOST_DELIVERIES) message.isDropped = true;
    else this.#put(message, fate);
  }
}
