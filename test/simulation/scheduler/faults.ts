/** What can go wrong in the world of one application, and how often: each from 0 to 1. */
import type { AlarmFaults } from "../engine/alarms.ts";
import type { NetworkFaults } from "../engine/network.ts";
import type { Random } from "../random.ts";

export interface Faults extends NetworkFaults, AlarmFaults {
  /** The start is refused: no capacity, too many per second, as many as may run. */
  refusedStart: number;
  /** The start fails with words that say nothing; the container may have been started all the same. */
  unknownStart: number;
  neverBoots: number;
  /** Runs, and never listens. */
  neverStarts: number;
  /** Listens only after a long time. */
  slowStart: number;
  exits: number;
  /** Gone without a word. */
  vanishes: number;
  /** What watches it fails, and it runs on. */
  monitorFails: number;
  networkDies: number;
  /** Answers badly for a while. */
  fallsIll: number;
  /** Answers badly every few seconds. */
  flaps: number;
  /** Takes requests and answers none for a while. */
  hangs: number;
  /** Another revision is found to run. */
  wrongImage: number;
  ignoresSigterm: number;
  /** The call fails; the container may be gone all the same. */
  destroyFails: number;
  inspectFails: number;
  /** What a launch needs is not there. */
  prepareRefused: number;
  /** A container runs elsewhere than it was asked to. */
  wrongPlace: number;
  /** It cannot be asked where it runs. */
  execFails: number;
  /** An object is reset after a write. */
  crash: number;
  /** What follows the command of a job fails, never answers, or answers late. */
  watchFails: number;
  watchHangs: number;
  watchLate: number;
  /** A container is started from the image of another version, and says so until the platform has it right. */
  otherImage: number;
}

const MOST: Faults = {
  refusedStart: 0.4,
  unknownStart: 0.3,
  neverBoots: 0.3,
  neverStarts: 0.3,
  slowStart: 0.3,
  exits: 0.5,
  vanishes: 0.5,
  monitorFails: 0.3,
  networkDies: 0.5,
  fallsIll: 0.5,
  flaps: 0.4,
  hangs: 0.3,
  wrongImage: 0.3,
  ignoresSigterm: 0.5,
  destroyFails: 0.3,
  inspectFails: 0.3,
  prepareRefused: 0.3,
  wrongPlace: 0.3,
  execFails: 0.5,
  messageLost: 0.3,
  answerLost: 0.3,
  messageTwice: 0.3,
  messageSlow: 0.1,
  alarmEarly: 0.3,
  alarmLate: 0.3,
  alarmTwice: 0.3,
  crash: 0.1,
  watchFails: 0.4,
  watchHangs: 0.3,
  watchLate: 0.5,
  otherImage: 0.3,
};

export const FAULTS = Object.keys(MOST) as readonly (keyof Faults)[];

/** They say nothing where there are no jobs. */
const OF_JOBS: ReadonlySet<keyof Faults> = new Set(["watchFails", "watchHangs", "watchLate"]);

/** Half of them, each as often as it may come to. Half: those that are everywhere hide the others. */
export function someFaults(random: Random, ofJobs: Random, ofRollouts: Random): Faults {
  const faults = { ...MOST };
  for (const name of FAULTS) {
    const own = OF_JOBS.has(name) ? ofJobs : name === "otherImage" ? ofRollouts : random;
    faults[name] = own.chance(0.5) ? round(own.next() * MOST[name]) : 0;
  }
  return faults;
}

export function noFaults(): Faults {
  const faults = { ...MOST };
  for (const name of FAULTS) faults[name] = 0;
  return faults;
}

/** Two digits: a scenario is read by people. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
