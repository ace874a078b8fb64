/**
 * What requests of containers have come to, gathered in this isolate and told to their applications: denials soon, amounts
 * now and then, so that neither a request nor its answer waits for it.
 */
import { describeError } from "../errors.ts";
import { sleep } from "../sleep.ts";
import { NO_USAGE, sumOf, type Denial, type EgressTold, type Usage } from "./told.ts";

const DENIALS_WITHIN_MS = 500;
/** Work after an answer may take 30 s. */
const USAGE_WITHIN_MS = 10_000;
/** Instances that are known to ask for more different ones than are listed. */
const MAX_FLOODING = 1_000;
/** Different ones, of one instance. The others are counted as denied, and not listed. */
const MOST_DENIALS = 100;

export interface Origin {
  readonly applicationId: string;
  readonly deploymentId: string;
  readonly generation: number;
}

interface Gathered {
  readonly origin: Origin;
  usage: Usage;
  readonly denials: Map<string, Denial>;
  dueAt: number;
}

export class Gatherer {
  readonly #send: (origin: Origin, told: EgressTold) => Promise<void>;
  readonly #clock: () => number;
  readonly #gathered = new Map<string, Gathered>();
  /** Who has filled the last list: each line of one is a row, and a list of it is told now and then. */
  readonly #flooding = new Set<string>();

  constructor(send: (origin: Origin, told: EgressTold) => Promise<void>, clock: () => number) {
    this.#send = send;
    this.#clock = clock;
  }

  /** To be waited for after the answer. */
  async used(origin: Origin, usage: Usage): Promise<void> {
    const gathered = this.#of(origin);
    gathered.usage = sumOf(gathered.usage, usage);
    await this.#flushWithin(gathered, USAGE_WITHIN_MS);
  }

  /** To be waited for after the answer. */
  async denied(origin: Origin, denial: Omit<Denial, "count">): Promise<void> {
    const gathered = this.#of(origin);
    gathered.usage = sumOf(gathered.usage, { ...NO_USAGE, requests: 1, denied: 1 });
    const key = JSON.stringify([denial.host, denial.method, denial.rule]);
    const count = (gathered.denials.get(key)?.count ?? 0) + 1;
    if (count > 1 || gathered.denials.size < MOST_DENIALS) gathered.denials.set(key, { ...denial, count });
    await this.#flushWithin(gathered, this.#flooding.has(keyOf(origin)) ? USAGE_WITHIN_MS : DENIALS_WITHIN_MS);
  }

  #of(origin: Origin): Gathered {
    const key = keyOf(origin);
    const known = this.#gathered.get(key);
    if (known !== undefined) return known;
    const fresh = { origin, usage: NO_USAGE, denials: new Map(), dueAt: Number.POSITIVE_INFINITY };
    this.#gathered.set(key, fresh);
    return fresh;
  }

  /** One of those that wait does it; it takes along what has come since. */
  async #flushWithin(gathered: Gathered, ms: number): Promise<void> {
    const dueAt = this.#clock() + ms;
    if (gathered.dueAt <= dueAt) return;
    gathered.dueAt = dueAt;
    await sleep(ms);
    const key = keyOf(gathered.origin);
    if (gathered.dueAt !== dueAt || this.#gathered.get(key) !== gathered) return;
    this.#gathered.delete(key);
    const { origin, usage, denials } = gathered;
    if (denials.size < MOST_DENIALS) this.#flooding.delete(key);
    else {
      if (this.#flooding.size >= MAX_FLOODING) this.#flooding.clear();
      this.#flooding.add(key);
    }
    try {
      await this.#send(origin, { usage, denials: [...denials.values()] });
    } catch (error) {
      console.warn({ message: "egress.untold", deployment: origin.deploymentId, error: describeError(error) });
    }
  }
}

function keyOf({ deploymentId, generation }: Origin): string {
  return `${deploymentId} ${generation}`;
}
