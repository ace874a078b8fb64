/** What goes wrong in a world of schedules and tasks, each with how often it does, from 0 to 1. */
import * as z from "zod";
import type { AlarmFaults } from "../engine/alarms.ts";
import type { NetworkFaults } from "../engine/network.ts";
import type { Random } from "../random.ts";

export const BATCH_FAULTS = [
  "messageLost",
  "answerLost",
  "messageTwice",
  "messageSlow",
  "alarmEarly",
  "alarmLate",
  "alarmTwice",
  /** Never rings: the watchdog of schedules is to find it. */
  "alarmLost",
  /** After a write. */
  "crash",
  /** Of a container: none is to be had, it dies before it runs, it is gone while it runs. */
  "startUnavailable",
  "neverStarts",
  "vanishes",
  /** Of a command: ends with another code than 0, never ends by itself, ignores SIGTERM. */
  "fails",
  "hangs",
  "ignoresTerm",
  /** Of a post: an answer that is none of 2xx, one that comes too late, none at all. */
  "answersBadly",
  "answersLate",
  "neverAnswers",
  /** Of the queue: a message comes once more, and the consumer ends in the middle. */
  "deliveredTwice",
  "consumerDies",
  "lettersFail",
  /** The account has no room for what has a size of its own, or takes long to say so. */
  "noRoom",
  "roomSlow",
] as const;

export type BatchFault = (typeof BATCH_FAULTS)[number];
export type BatchFaults = Record<BatchFault, number> & AlarmFaults & NetworkFaults;

const share = z.number().min(0).max(1);
export const faultsSchema = z.strictObject(
  // One for each of them.
  Object.fromEntries(BATCH_FAULTS.map((name) => [name, share])) as Readonly<Record<BatchFault, typeof share>>,
);

export function noFaults(): BatchFaults {
  // One for each of them.
  return Object.fromEntries(BATCH_FAULTS.map((name) => [name, 0])) as Record<BatchFault, number>;
}

const MOST: Partial<Record<BatchFault, number>> = {
  roomSlow: 0.8,
  crash: 0.08,
  alarmLost: 0.15,
  hangs: 0.2,
  messageSlow: 0.1,
};
const USUALLY = 0.25;

export function someFaults(random: Random): BatchFaults {
  const faults = noFaults();
  for (const name of BATCH_FAULTS) {
    if (random.chance(0.5)) faults[name] = Math.round(random.next() * (MOST[name] ?? USUALLY) * 100) / 100;
  }
  return faults;
}
