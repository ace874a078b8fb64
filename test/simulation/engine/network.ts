/** Calls between objects: late, very late, lost on the way there or back, or made twice. */
import type { Random } from "../random.ts";
import type { Lifetime } from "./storage.ts";
import type { VirtualTime } from "./time.ts";

/** How often each happens, from 0 to 1. */
export interface NetworkFaults {
  messageLost: number;
  answerLost: number;
  messageTwice: number;
  /** Longer on its way than anybody waits for it. */
  messageSlow: number;
}

const USUAL_MS = 30;
/** The outbox gives up after 30 s. */
const SLOW_MS = 45_000;
const SECOND_TIME_WITHIN_MS = 60_000;
const LOST = new Error("Network connection lost.");

export class Network {
  /** Sent so far. */
  messages = 0;
  /** On their way there or back. */
  underway = 0;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: NetworkFaults;
  readonly #tell: (line: string) => void;

  constructor(time: VirtualTime, random: Random, faults: NetworkFaults, tell: (line: string) => void) {
    this.#tell = tell;
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  /** Nothing comes back to a lifetime that is over. */
  send<T>(from: Lifetime, what: string, call: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (!from.alive) return promise;
    this.messages += 1;
    const random = this.#random;
    const faults = this.#faults;
    const back = (settle: () => void) => {
      this.#after(this.#delayMs(), () => {
        if (from.alive) settle();
      });
    };
    if (random.chance(faults.messageLost)) {
      this.#tell(`${what} is lost`);
      back(() => reject(LOST));
      return promise;
    }
    const deliver = () => {
      this.#tell(what);
      return call().then(
        (value) => {
          const isLost = random.chance(faults.answerLost);
          if (isLost) this.#tell(`the answer to ${what} is lost`);
          back(() => (isLost ? reject(LOST) : resolve(value)));
        },
        (error: unknown) => back(() => reject(error)),
      );
    };
    this.#after(this.#delayMs(), () => void deliver());
    if (random.chance(faults.messageTwice)) {
      this.#after(random.between(0, SECOND_TIME_WITHIN_MS), () => void deliver());
    }
    return promise;
  }

  #after(ms: number, run: () => void): void {
    this.underway += 1;
    this.#time.after(ms, () => {
      this.underway -= 1;
      run();
    });
  }

  #delayMs(): number {
    const most = this.#random.chance(this.#faults.messageSlow) ? SLOW_MS : USUAL_MS;
    return this.#random.between(0, most);
  }
}
