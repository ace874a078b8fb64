/** For tests: a job among containers that do as a script says, in virtual time, with every decision carried out at once. */
import { begin, decide, finish, newJob, stopAttempt } from "./intents.ts";
import type { Attempt, Job, JobSpec, Retry } from "./job.ts";
import { planJob } from "./plan-job.ts";
import type { StopTimeline } from "../orchestrator/stop-timeline.ts";
import { settle, type AttemptEnd, type AttemptState } from "./settle.ts";

export const SPEC: JobSpec = {
  completions: 1,
  parallelism: 1,
  retries: 6,
  retriesPerIndex: null,
  maxFailedIndexes: null,
  lossRetries: 100,
  backoffMs: 10_000,
  maxBackoffMs: 360_000,
  timeoutMs: null,
  deadlineMs: null,
  failurePolicy: [],
  successPolicy: [],
  ttlMs: null,
};

export const IDENTITY = {
  id: "j",
  name: "job",
  suspended: false,
  version: 1,
  override: null,
  origin: { kind: "user" },
  fairnessKey: "",
} as const;

export const exited = (exitCode: number): AttemptEnd => ({ kind: "exited", exitCode, reason: "ExitedWithCode" });
export const LOST: AttemptEnd = { kind: "lost", exitCode: null, reason: "Vanished" };
const STOP: StopTimeline = {
  cordonedAt: 0,
  drain: "drained",
  drainedAt: 0,
  inFlight: 0,
  cutOff: 0,
  sigtermAt: 0,
  sigkillAt: null,
};
export const STOPPED: AttemptEnd = { kind: "stopped", exitCode: 143, reason: "Stopped", stop: STOP };
/** Its instance was asked about it, or refused, before it was launched. */
export const NEVER_LAUNCHED: AttemptEnd = { kind: "stopped", exitCode: null, reason: "Unknown" };
export const UNAVAILABLE: AttemptEnd = { kind: "unavailable", exitCode: null, reason: "NoInstance" };

export interface Ended {
  readonly number: number;
  readonly index: number;
  readonly state: AttemptState;
  readonly begunAt: number;
  readonly endedAt: number;
}

export class JobWorld {
  now = 1_000_000;
  room = Infinity;
  job: Job;
  live: Attempt[] = [];
  retries: Retry[] = [];
  readonly ended: Ended[] = [];
  wakeAt: number | null = null;

  constructor(spec: Partial<JobSpec>) {
    this.job = newJob({ ...IDENTITY, spec: { ...SPEC, ...spec } }, this.now);
    this.pass();
  }

  /** Until there is nothing more to do now. */
  pass(): void {
    for (let round = 0; round < 5; round += 1) {
      const { job, live, retries, room, now } = this;
      const { actions, wakeAt } = planJob({ job, live, retries, room: room - live.length, now });
      this.wakeAt = wakeAt;
      if (actions.length === 0) return;
      for (const action of actions) this.#perform(action);
    }
    throw new Error("the planner does not rest");
  }

  #perform(action: ReturnType<typeof planJob>["actions"][number]): void {
    if (action.type === "begin") {
      const begun = begin(this.job, action, this.now);
      this.job = begun.job;
      this.live.push(begun.attempt);
      this.retries = this.retries.filter(({ index }) => index !== action.index);
    } else if (action.type === "stop") {
      this.live = this.live.map((each) => (each.number === action.attempt ? stopAttempt(each, action.reason) : each));
    } else if (action.type === "decide") this.job = decide(this.job, action.verdict);
    else this.job = finish(decide(this.job, action.verdict), this.now);
  }

  start(number: number): void {
    this.live = this.live.map((each) =>
      each.number === number ? { ...each, startedAt: each.startedAt ?? this.now } : each,
    );
    this.pass();
  }

  /** False: the attempt goes on. */
  end(number: number, end: AttemptEnd): boolean {
    const attempt = this.live.find((each) => each.number === number);
    if (attempt === undefined) throw new Error(`attempt ${number} is not alive`);
    const settled = settle(this.job, attempt, end, this.now);
    if (settled === null) return false;
    this.live = this.live.filter((each) => each !== attempt);
    this.job = settled.job;
    if (settled.retry !== null) this.retries.push(settled.retry);
    const { index, begunAt } = attempt;
    this.ended.push({ number, index, state: settled.state, begunAt, endedAt: this.now });
    this.pass();
    return true;
  }

  /** Goes to the next moment at which the planner wanted to look again. */
  wake(): void {
    if (this.wakeAt === null) throw new Error("nobody is to be woken");
    this.now = Math.max(this.now, this.wakeAt);
    this.pass();
  }
}
