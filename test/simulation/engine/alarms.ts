/**
 * The one alarm of an object, as the platform rings it: early, late, twice, and again when the object was reset before its
 * handler came to an end.
 */
import type { Random } from "../random.ts";
import type { Lifetime, SimulatedStorage } from "./storage.ts";
import type { VirtualTime } from "./time.ts";

/** How often each happens, from 0 to 1. */
export interface AlarmFaults {
  alarmEarly: number;
  alarmLate: number;
  alarmTwice: number;
}

/** `now`: as the object whose alarm it is reads it. */
type Clock = Pick<VirtualTime, "now" | "after">;

const EARLY_MS = 1_000;
const LATE_MS = 30_000;
const USUALLY_LATE_MS = 20;
const TWICE_WITHIN_MS = 5_000;
const RETRY_MS = 2_000;

export class Alarms {
  readonly #time: Clock;
  readonly #random: Random;
  readonly #faults: AlarmFaults;

  constructor(time: Clock, random: Random, faults: AlarmFaults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  set(storage: SimulatedStorage, at: number, fire: () => void): void {
    const random = this.#random;
    const lateMs = random.between(0, random.chance(this.#faults.alarmLate) ? LATE_MS : USUALLY_LATE_MS);
    const earlyMs = random.chance(this.#faults.alarmEarly) ? random.between(0, EARLY_MS) : 0;
    const isTwice = random.chance(this.#faults.alarmTwice);
    const rings = at - this.#time.now + (earlyMs > 0 ? -earlyMs : lateMs);
    this.#time.after(rings, () => {
      if (storage.alarmAt !== at) return;
      storage.alarmAt = null;
      fire();
      if (isTwice) this.#time.after(random.between(0, TWICE_WITHIN_MS), fire);
    });
  }

  handle(lifetime: Lifetime, work: () => Promise<void>): void {
    lifetime.isInAlarm = true;
    void work().then(
      () => (lifetime.isInAlarm = false),
      () => undefined,
    );
  }

  /** This lifetime was reset. */
  retry(lifetime: Lifetime, storage: SimulatedStorage, fire: () => void): void {
    if (lifetime.isInAlarm !== true) return;
    this.#time.after(RETRY_MS, () => {
      if (storage.alarmAt === null) fire();
    });
  }
}
