/** From what a scenario chooses to what users and producers of messages send. */
import type { TaskRequest } from "../../../src/api/schemas/task.ts";
import { SPEC } from "../../../src/jobs/job-world.ts";
import type { NewSchedule } from "../../../src/jobs/schedules/schedule.ts";
import { APPLICATION } from "./account.ts";
import { SCHEDULES, type BatchDeed, type MessageChoice } from "./scenario.ts";

const BACKOFF_S = 1;
const MOST_LATE = 5;

export function nameOf(nth: number): string {
  return `cron${nth % SCHEDULES}`;
}

export function newScheduleOf(
  id: string,
  { nth, suspended, spec }: Extract<BatchDeed, { do: "schedule" }>,
): NewSchedule {
  const { cron, zone, gap, overlap, concurrency, runsAfterSuspension, startingDeadlineMs, jitterMs } = spec;
  const size = spec.isSized ? { vcpu: 4 } : null;
  return {
    id,
    name: nameOf(nth),
    suspended,
    spec: {
      cron,
      timeZone: zone,
      gap,
      overlap,
      concurrency,
      misfire: spec.misfire === "all" ? { policy: "all", limit: MOST_LATE } : { policy: spec.misfire },
      runsAfterSuspension,
      startingDeadlineMs,
      jitterMs,
      history: { succeeded: spec.succeeded, failed: spec.failed },
      job: {
        spec: { ...SPEC, retries: spec.retries, backoffMs: 1_000, maxBackoffMs: 5_000, deadlineMs: spec.deadlineMs },
        launch: {
          entrypoint: null,
          command: null,
          image: null,
          instanceType: null,
          size,
          env: [],
          secrets: [],
          sealed: null,
          payload: null,
        },
        fairnessKey: "",
        isBare: false,
      },
      template: "{}",
    },
  };
}

/** Nothing else has it, but for another message of the same key. */
export function textOf({ key, text }: MessageChoice, id: string): string {
  return JSON.stringify(key === null ? { id } : { key: `k${key}`, text });
}

export function requestOf(choice: MessageChoice, id: string): TaskRequest {
  const { key, mode, fairness, retries, delayMs } = choice;
  const tries = { retries, backoff: BACKOFF_S, max_backoff: 5 };
  return {
    mode,
    ...(key === null ? {} : { idempotency_key: `k${key}` }),
    payload: textOf(choice, id),
    fairness_key: `f${fairness}`,
    delay: delayMs / 1_000,
    ttl: 3_600,
    ...(mode === "run" ? { run: tries } : { http: { path: "/", ...tries, timeout: 30, wait: 45 } }),
  };
}

export function messageOf(choice: MessageChoice, id: string): unknown {
  if (choice.kind === "poison") return choice.text === 0 ? "{" : { application: APPLICATION, mode: "walk" };
  const application = choice.kind === "nobody" ? "nobody" : APPLICATION;
  return { application, ...requestOf(choice, id) };
}

/** By what its task is known: null where it comes to none. */
export function keptOf(
  choice: MessageChoice,
  id: string,
): { readonly text: string | null; readonly key: string | null } {
  if (choice.kind !== "task") return { text: null, key: null };
  return { text: textOf(choice, id), key: choice.key === null ? null : `k${choice.key}` };
}
