/**
 * What must hold of every attempt that begins or ends, of every stop of one, and of every job as it is stored, by what was
 * asked for and what really became of each command. The numbers of the policies are said here again, so that they cannot
 * move unnoticed.
 */
import {
  countOf,
  formatIndexes,
  hasIndex,
  NO_INDEXES,
  withIndex,
  type IndexSet,
} from "../../../../src/jobs/index-set.ts";
import type { Job, JobSpec } from "../../../../src/jobs/job.ts";
import type { AttemptRecord } from "../../../../src/jobs/job-store.ts";
import type { AttemptState } from "../../../../src/jobs/settle.ts";
import type { EventDraft } from "../../../../src/orchestrator/events.ts";
import type { Deployment } from "../../../../src/orchestrator/plan/deployment.ts";
import type { JobAction } from "./deeds.ts";
import { verdictViolation } from "./verdicts.ts";

export interface JobRulesDeps {
  readonly now: () => number;
  readonly isDeleting: () => boolean;
  /** Most attempts alive. */
  readonly most: () => number;
  readonly rows: () => readonly Deployment[];
  readonly job: (id: string) => Job | undefined;
  readonly record: (job: string, attempt: number) => AttemptRecord | undefined;
  /** The code with which the command of a placement has ended; null: it has not. */
  readonly codeOf: (deployment: string, generation: number) => number | null;
  /** The instance has read how the command of that placement ended, and nothing was known of its end before. */
  readonly isFetched: (deployment: string, generation: number) => boolean;
}

/** An index, as its attempts have left it. */
interface Gone {
  readonly failures: number;
  readonly losses: number;
  readonly notBefore: number;
}

/** A job by what was asked and what was seen of it. */
export interface KnownJob {
  isCancelled: boolean;
  isRemoved: boolean;
  /** As it was stored last. */
  job: Job | null;
  isGone: boolean;
  /** Since when its deadline counts. */
  startedAt: number | null;
  begun: number;
  done: IndexSet;
  failed: IndexSet;
  readonly ended: Record<AttemptState, number>;
  readonly codes: Set<number>;
  wasRefused: boolean;
  readonly indexes: Map<number, Gone>;
  readonly over: Set<number>;
}

/** A start that has not proved itself is given up after this long at the earliest. */
const START_DEADLINE_MS = 60_000;
const OF_THE_JOB: ReadonlySet<string> = new Set([
  "DeadlineExceeded",
  "Cancelled",
  "Suspended",
  "JobDecided",
  "Deleted",
]);
const NEW: Gone = { failures: 0, losses: 0, notBefore: 0 };

export class JobRules {
  violation: string | null = null;
  /** What is stored is read by a new lifetime. */
  isReset = false;
  readonly known = new Map<string, KnownJob>();
  readonly #deps: JobRulesDeps;
  readonly #told = new Set<string>();

  constructor(deps: JobRulesDeps) {
    this.#deps = deps;
  }

  knows(id: string): boolean {
    return this.known.has(id);
  }

  submitted(id: string): void {
    this.known.set(id, {
      isCancelled: false,
      isRemoved: false,
      job: null,
      isGone: false,
      startedAt: null,
      begun: 0,
      done: NO_INDEXES,
      failed: NO_INDEXES,
      ended: { succeeded: 0, failed: 0, lost: 0, cancelled: 0, ignored: 0 },
      codes: new Set(),
      wasRefused: false,
      indexes: new Map(),
      over: new Set(),
    });
  }

  asked(id: string, action: JobAction): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    if (action === "cancel" || action === "remove") known.isCancelled = true;
    if (action === "remove") known.isRemoved = true;
  }

  written(before: Deployment | undefined, after: Deployment | undefined): void {
    if (this.#deps.isDeleting()) return;
    const [was, is] = [before?.attempt, after?.attempt];
    if (was !== undefined && !was.isOver && after === undefined) {
      this.#break("S4", `attempt ${was.number} of ${was.job} is forgotten with its slot`);
    }
    if (before === undefined || after === undefined || is === undefined) {
      if (after !== undefined && is !== undefined) this.#begun(after);
      return;
    }
    if (was?.job !== is.job || was.number !== is.number) {
      if (was?.isOver === false) this.#break("S4", `attempt ${was.number} of ${was.job} is replaced before its end`);
      this.#begun(after);
    } else if (was.isOver && !is.isOver) {
      this.#break("S6", `attempt ${is.number} of ${is.job} was over and is alive`);
    } else if (!was.isOver && is.isOver) {
      this.#ended(before, after);
    }
    if (before.phase !== "stopping" && after.phase === "stopping") this.#stopped(before, after.stopReason ?? "");
  }

  events(drafts: readonly EventDraft[]): void {
    for (const { name, details } of drafts) {
      if (!/^Attempt(?:Succeeded|Failed|Lost|Cancelled|Ignored)$/.test(name)) continue;
      const which = `attempt ${details?.["attempt"]} of ${details?.["job"]}`;
      if (this.#told.has(which)) this.#break("S4", `the end of ${which} is told twice, now as ${name}`);
      this.#told.add(which);
    }
  }

  /** A new attempt is one that may be: of an index that is open, in its turn, within every bound. */
  #begun({ version, attempt }: Deployment): void {
    if (attempt === undefined) return;
    const { job: id, number, index } = attempt;
    const known = this.known.get(id);
    const job = this.#deps.job(id);
    if (known === undefined || job === undefined) return this.#break("S6", `an attempt of ${id} begins, which is gone`);
    const { now, rows, most } = this.#deps;
    const { spec } = job;
    const which = `attempt ${number} of ${id}, index ${index},`;
    if (job.verdict !== null || job.suspended) return this.#break("S6", `${which} begins, and the job is not to run`);
    if (number !== known.begun + 1) return this.#break("S5", `${which} begins after attempt ${known.begun}`);
    known.begun = number;
    known.startedAt ??= now();
    const live = rows().flatMap(({ attempt: other }) => (other === undefined || other.isOver ? [] : [other]));
    const own = live.filter((other) => other.job === id);
    const isDouble = own.filter((other) => other.index === index).length > 1;
    if (isDouble || index >= spec.completions) return this.#break("S3", `${which} begins beside another`);
    if (hasIndex(known.done, index) || hasIndex(known.failed, index)) {
      return this.#break("S3", `${which} begins, and the index is done or has failed`);
    }
    if (own.length > spec.parallelism || live.length > most()) {
      return this.#break(
        "S1",
        `${which} is one of ${own.length} and of ${live.length}, ${spec.parallelism} and ${most()} may be`,
      );
    }
    const { failures, notBefore } = known.indexes.get(index) ?? NEW;
    if (now() < notBefore) return this.#break("H1", `${which} begins ${notBefore - now()} ms too early`);
    const isTriedOut =
      (spec.retries !== null && known.ended.failed > spec.retries) ||
      (spec.retriesPerIndex !== null && failures > spec.retriesPerIndex) ||
      known.ended.lost > spec.lossRetries;
    if (isTriedOut) return this.#break("H1", `${which} begins after ${known.ended.failed} failures`);
    if (version !== job.version) this.#break("S7", `${which} begins in version ${version} instead of ${job.version}`);
  }

  /** An attempt is counted once, as what it really came to. */
  #ended(before: Deployment, after: Deployment): void {
    const { id, generation, attempt, phase } = before;
    const known = attempt === undefined ? undefined : this.known.get(attempt.job);
    const job = attempt === undefined ? undefined : this.#deps.job(attempt.job);
    if (attempt === undefined || known === undefined || job === undefined) return;
    const { number, index } = attempt;
    const which = `attempt ${number} of ${job.id}`;
    const record = this.#deps.record(job.id, number);
    if (record === undefined) return this.#break("S4", `${which} is over, and no record of it is kept`);
    if (known.over.has(number)) this.#break("S4", `${which} is over twice`);
    known.over.add(number);
    const { state, reason, exitCode } = record;
    const code = this.#deps.codeOf(id, generation);
    const how = `${which} is told as ${state} (${reason}, ${exitCode}), and its command ended with ${code}`;
    if (state === "succeeded" && code !== 0) this.#break("S9", how);
    if (reason === "ExitedWithCode" && (code !== exitCode || code === 0)) this.#break("S9", how);
    const isTold = after.last?.kind === "exited";
    if (isTold && (exitCode === 0) !== (state === "succeeded")) this.#break("S4", how);
    const isOwnEnd = phase === "starting" || phase === "running";
    if (isOwnEnd && !isTold && this.#deps.isFetched(id, generation) && reason !== "TimedOut") this.#break("S4", how);
    if (state === "cancelled" && !OF_THE_JOB.has(reason)) this.#break("S7", `${which} was ended for ${reason}`);
    const livedMs = this.#deps.now() - attempt.begunAt;
    if (reason === "TimedOut" && livedMs < (job.spec.timeoutMs ?? Number.POSITIVE_INFINITY)) {
      this.#break("S7", `${which} was ended for its timeout after ${livedMs} ms`);
    }
    this.#note(known, job.spec, index, record);
    this.looked(job.id);
  }

  #note(known: KnownJob, spec: JobSpec, index: number, { state, exitCode, reason }: AttemptRecord): void {
    const past = known.indexes.get(index) ?? NEW;
    const at = this.#deps.now();
    const waitMs = (count: number) => Math.min(spec.maxBackoffMs, spec.backoffMs * 2 ** (count - 1));
    known.ended[state] += 1;
    if (exitCode !== null && reason === "ExitedWithCode") known.codes.add(exitCode);
    if (state === "succeeded") known.done = withIndex(known.done, index);
    const isRefused = state === "failed" && reason !== "ExitedWithCode" && reason !== "TimedOut";
    if (isRefused) known.wasRefused = true;
    else if (state === "failed") {
      const action = ruleOf(spec, exitCode, reason);
      if (action === "fail_job") return;
      const failures = past.failures + 1;
      known.indexes.set(index, { failures, losses: 0, notBefore: at + waitMs(failures) });
      const isOut = spec.retriesPerIndex !== null && failures > spec.retriesPerIndex;
      if (isOut || action === "fail_index") known.failed = withIndex(known.failed, index);
    }
    if (state === "ignored") known.indexes.set(index, { ...past, notBefore: at + waitMs(past.failures + 1) });
    if (state === "lost") {
      const losses = past.losses + 1;
      known.indexes.set(index, { ...past, losses, notBefore: at + Math.min(60_000, 1_000 * 2 ** (losses - 1)) });
    }
  }

  /** S7: nothing but the job itself ends what it runs. */
  #stopped({ attempt, phase, since }: Deployment, reason: string): void {
    const job = attempt === undefined ? undefined : this.#deps.job(attempt.job);
    if (attempt === undefined || job === undefined || attempt.isOver) return;
    const { verdict, suspended, spec } = job;
    const now = this.#deps.now();
    const runsSince = attempt.startedAt ?? Number.POSITIVE_INFINITY;
    const why: Readonly<Record<string, boolean>> = {
      TimedOut: spec.timeoutMs !== null && now >= runsSince + spec.timeoutMs,
      DeadlineExceeded: verdict?.reason === "DeadlineExceeded",
      Cancelled: verdict?.outcome === "cancelled",
      Suspended: suspended,
      JobDecided: verdict !== null,
      NeverStarted: phase === "starting" && now >= since + START_DEADLINE_MS,
    };
    if (why[reason] !== true) this.#break("S7", `attempt ${attempt.number} of ${job.id} is stopped for ${reason}`);
  }

  /** Each job as it is stored now, against how it was and what was seen of it. */
  look(): void {
    if (this.isReset) this.lookAgain();
    if (this.#deps.isDeleting()) return;
    for (const [id, { job, isGone }] of this.known) if (!isGone && job?.finishedAt == null) this.looked(id);
  }

  /** Also those that are over: after a reset, and at rest. */
  lookAgain(): void {
    this.isReset = false;
    if (!this.#deps.isDeleting()) for (const id of this.known.keys()) this.looked(id);
  }

  looked(id: string): void {
    const known = this.known.get(id);
    const job = this.#deps.job(id);
    if (known === undefined) return;
    const { job: before } = known;
    if (job === undefined) return this.#missed(id, known);
    if (known.isGone) return this.#break("S6", `${id} was removed and is back`);
    known.job = job;
    if (job.suspended) known.startedAt = null;
    const { tally, verdict, finishedAt, doneIndexes, failedIndexes, attempts } = job;
    for (const state of ["succeeded", "failed", "lost", "cancelled", "ignored"] as const) {
      if (before !== null && tally[state] < before.tally[state])
        this.#break("S5", `fewer ${state} of ${id} than before`);
      if (tally[state] !== known.ended[state]) {
        this.#break("S4", `${tally[state]} attempts of ${id} are counted as ${state}, ${known.ended[state]} were`);
      }
    }
    if (before !== null && attempts < before.attempts) this.#break("S5", `fewer attempts of ${id} than before`);
    if (formatIndexes(doneIndexes) !== formatIndexes(known.done) || countOf(doneIndexes) !== tally.succeeded) {
      this.#break(
        "S3",
        `indexes ${formatIndexes(doneIndexes)} of ${id} are done, ${formatIndexes(known.done)} ended well`,
      );
    }
    if (formatIndexes(failedIndexes) !== formatIndexes(known.failed)) {
      this.#break("S4", `indexes ${formatIndexes(failedIndexes)} of ${id} failed, ${formatIndexes(known.failed)} did`);
    }
    const wasDecided = before?.verdict ?? null;
    if (wasDecided !== null && JSON.stringify(verdict) !== JSON.stringify(wasDecided)) {
      this.#break("S6", `${id} was ${wasDecided.outcome} (${wasDecided.reason}), and is not any more`);
    }
    if (before !== null && before.finishedAt !== null && finishedAt !== before.finishedAt) {
      this.#break("S6", `${id} was over and is not, or is over again`);
    }
    if (wasDecided === null && verdict !== null) {
      const wrong = verdictViolation(known, job, verdict);
      if (wrong !== null) this.#break("S6", wrong);
    }
    if (before?.finishedAt == null && finishedAt !== null) {
      const live = this.#deps.rows().find(({ attempt }) => attempt?.job === id && !attempt.isOver);
      if (verdict === null || live !== undefined) this.#break("S6", `${id} is over, and ${live?.id} is not`);
    }
  }

  #missed(id: string, known: KnownJob): void {
    if (known.isGone) return;
    const { job, isRemoved } = known;
    known.isGone = true;
    const isDue = isRemoved || (job?.spec.ttlMs ?? null) !== null;
    if (!isDue) this.#break("S6", `${id} is gone, and nobody removed it`);
  }

  #break(invariant: string, how: string): void {
    this.violation ??= `${invariant}: ${how}`;
  }
}

function ruleOf({ failurePolicy }: JobSpec, exitCode: number | null, reason: string) {
  if (exitCode === null || reason !== "ExitedWithCode") return undefined;
  const rule = failurePolicy.find(
    ({ exitCodes: { operator, values } }) => values.includes(exitCode) === (operator === "in"),
  );
  return rule?.action;
}
