/**
 * What an Instance keeps of its current or last placement: one row, so that each change costs one. The environment is
 * not in it; the revision digest stands for all that was started.
 */
import type { Database } from "../database.ts";
import type { CheckState } from "../orchestrator/check-state.ts";
import type { ObservedPlace } from "../orchestrator/placement/placing.ts";
import type { AttemptLaunch } from "../jobs/launch.ts";
import type { Output } from "../jobs/job-store.ts";
import type { Report } from "../orchestrator/plan/observe.ts";
import {
  DEFAULT_SLEEP_AFTER_MS,
  DEFAULT_TIMES,
  egressProbe,
  type LifecycleTimes,
  type ProbeSpec,
} from "../orchestrator/probe-spec.ts";
import type { LaunchOrder } from "../orchestrator/scheduler-deps.ts";
import type { StopTimeline } from "../orchestrator/stop-timeline.ts";
import type { Migration } from "../migrations.ts";
import { TIMERS_SCHEMA } from "../timers.ts";
import { toldAtLaunch, type Told } from "./admission.ts";
import type { StoredHold } from "./busy.ts";
import type { Ending } from "./exit.ts";
import type { Reach } from "../egress/policy/reach.ts";
import { REACHES_NOTHING, type EgressStart } from "./egress-start.ts";
import { EGRESS_SCHEMA } from "./instance-egress.ts";
import { SAID_SCHEMA } from "./said.ts";
import { USED_GRANTS_SCHEMA } from "./used-grants.ts";
import { newStates } from "./verdicts.ts";

export type RunPhase = "starting" | "running" | "stopping" | "ended";

/** A stop under way. `killed`: our own decision, since its checks say that it does not work. */
export interface Stop {
  readonly kind: "stopped" | "killed";
  readonly reason: string;
  /** For people, where the reason does not say it all. */
  readonly message?: string;
  readonly timeline: StopTimeline;
  /** Nobody asked for it: its own deadline has come. */
  readonly isOwn?: boolean;
}

export interface RunRecord extends LifecycleTimes {
  readonly applicationId: string;
  readonly deploymentId: string;
  readonly generation: number;
  readonly revision: string;
  readonly checkEveryMs: number;
  readonly port: number;
  readonly probes: readonly ProbeSpec[];
  /** One for each probe, in their order. */
  readonly checks: readonly CheckState[];
  readonly phase: RunPhase;
  readonly ready: boolean;
  /** Something answered on a port once, so that silence later means something. */
  readonly listens: boolean;
  readonly startedAt: number;
  /** When something was last seen to be under way, to within a look. Only of one that may sleep. */
  readonly activeAt?: number;
  /** What it runs is to be replaced as soon as nothing is under way. It is told so with each report. */
  readonly isOutdated?: boolean;
  /** Nothing was under way for long enough: it has asked to be put to sleep. */
  readonly isIdle?: boolean;
  readonly stop: Stop | null;
  readonly ending: Ending | null;
  /** Where it runs, as it says itself; null when it cannot, absent while it was not asked. */
  readonly place?: ObservedPlace | null;
  /** Its load decides how many instances there are. */
  readonly reportsLoad?: boolean;
  /** The application waits for its place. */
  readonly isPlaceVerified?: boolean;
  /** What it is called by. Absent for a member of the pool. */
  readonly callName?: string;
  /** It was given a token of the bridge. */
  readonly hasToken?: boolean;
  /** The attempt of a job that it is. */
  readonly attempt?: AttemptLaunch;
  /** When its process was first seen to run. */
  readonly seenAt?: number;
  /** The end of what that has printed, with its end. */
  readonly output?: Output;
  /** It is busy, as it says itself. */
  readonly busy?: StoredHold;
  /** Whether it takes requests to the pool, where a rollout has said it. */
  readonly told?: Told;
  /** Whose it is. Absent in records of earlier versions only. */
  readonly owner?: { readonly accountId: string; readonly application: string };
  /** What has proved that its requests come to Gantry. Absent: nothing yet, or nothing had to. */
  readonly verified?: "probe" | "registration";
  /** The write to its application of which its launch told what it may reach. */
  readonly egressSeq?: number;
  /** Which of its requests come to Gantry. Absent in records of earlier versions only. */
  readonly reach?: Reach;
  /** Where its SSH server listens. Absent: nobody is let in that way. */
  readonly sshPort?: number;
}

export const INSTANCE_MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_run",
    sql: `CREATE TABLE run (id INTEGER PRIMARY KEY CHECK (id = 1), record TEXT NOT NULL);
${TIMERS_SCHEMA}`,
  },
  { id: "002_said", sql: SAID_SCHEMA },
  { id: "003_egress", sql: EGRESS_SCHEMA },
  { id: "004_used_grants", sql: USED_GRANTS_SCHEMA },
];

export function readRecord(db: Database): RunRecord | null {
  const row = db.one<{ record: string }>("SELECT record FROM run");
  if (row === undefined) return null;
  // Written by `writeRecord` only; one of an earlier version of this Worker may lack what that did not know.
  const stored = JSON.parse(row.record) as Partial<RunRecord>;
  return { ...BLANK, ...stored, ...(stored.checks === undefined ? { probes: [] } : {}) };
}

export function writeRecord(db: Database, record: RunRecord): void {
  db.run(
    "INSERT INTO run (id, record) VALUES (1, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
    JSON.stringify(record),
  );
}

const BLANK: RunRecord = {
  applicationId: "",
  deploymentId: "",
  generation: 0,
  revision: "",
  checkEveryMs: 0,
  port: 0,
  probes: [],
  checks: [],
  phase: "ended",
  ready: false,
  listens: false,
  startedAt: 0,
  stop: null,
  ending: null,
  ...DEFAULT_TIMES,
};

export function newRecord(
  order: LaunchOrder,
  now: number,
  previous: RunRecord | null = null,
  { reach, isProved }: EgressStart = REACHES_NOTHING,
): RunRecord {
  const { spec } = order;
  const sleepAfterMs = order.isNamed === true ? (spec.sleepAfterMs ?? DEFAULT_SLEEP_AFTER_MS) : undefined;
  const probes = isProved ? [...spec.probes, egressProbe()] : spec.probes;
  return {
    ...BLANK,
    applicationId: order.applicationId,
    deploymentId: order.deploymentId,
    generation: order.generation,
    revision: order.revision,
    checkEveryMs: lookEveryMs(order.checkEveryMs, sleepAfterMs),
    port: spec.port,
    probes,
    checks: newStates(probes, now),
    startupDeadlineMs: spec.startupDeadlineMs,
    drainTimeoutMs: spec.drainTimeoutMs,
    ...(spec.rolloutDrainMs === undefined ? {} : { rolloutDrainMs: spec.rolloutDrainMs }),
    stopGraceMs: spec.stopGraceMs,
    ...(spec.hardTimeoutMs === undefined ? {} : { hardTimeoutMs: spec.hardTimeoutMs }),
    ...(spec.maxHoldMs === undefined ? {} : { maxHoldMs: spec.maxHoldMs }),
    ...(sleepAfterMs === undefined ? {} : { sleepAfterMs, activeAt: now }),
    phase: "starting",
    startedAt: now,
    ...(order.isPlaceVerified === true ? { isPlaceVerified: true } : {}),
    ...(order.reportsLoad === true ? { reportsLoad: true } : {}),
    ...(order.isNamed === true ? { callName: order.instanceName } : {}),
    ...(order.attempt === undefined ? {} : { attempt: order.attempt }),
    ...(order.bridgeToken === undefined ? {} : { hasToken: true }),
    ...(order.accountId === undefined
      ? {}
      : { owner: { accountId: order.accountId, application: order.applicationName } }),
    reach,
    egressSeq: Math.max(order.egress?.seq ?? 0, previous?.egressSeq ?? 0),
    ...(spec.sshPort === undefined ? {} : { sshPort: spec.sshPort }),
    ...toldAtLaunch(previous, order),
  };
}

/** At least twice in the time after which it is to sleep, so that what was under way is known well enough. */
export function lookEveryMs(checkEveryMs: number, sleepAfterMs: number | undefined): number {
  return sleepAfterMs === undefined ? checkEveryMs : Math.min(checkEveryMs, Math.ceil(sleepAfterMs / 2));
}

/** A placement that was stopped before it was ever launched: a launch that comes late finds its end already written. */
export function tombstone(deploymentId: string, generation: number, reason: string): RunRecord {
  return { ...BLANK, deploymentId, generation, ending: { kind: "stopped", exitCode: null, reason } };
}

/** How a stop ends, whatever the container does about it. */
function endingOfStop({ kind, reason, message, timeline }: Stop): Ending {
  return { kind, exitCode: null, reason, ...(message === undefined ? {} : { message }), stop: timeline };
}

/** The end of one that is being stopped. */
export function endOfStop({ stop }: RunRecord): Ending {
  return stop === null ? { kind: "stopped", exitCode: null, reason: "Stopped" } : endingOfStop(stop);
}

export function reportOf(record: RunRecord): Report {
  switch (record.phase) {
    case "starting": {
      return { state: "starting" };
    }
    case "running": {
      return runningReport(record);
    }
    case "stopping": {
      // Nobody asked for it: to the scheduler it runs, unready, until it is over.
      const isOwn = record.stop?.kind === "killed" || record.stop?.isOwn === true;
      return isOwn ? runningReport(record) : { state: "stopping" };
    }
    case "ended": {
      const { ending, output } = record;
      const outcome = ending ?? { kind: "lost", exitCode: null, reason: "Unknown" };
      return { state: "ended", outcome, ...(output === undefined ? {} : { output }), ...beganAt(record) };
    }
  }
}

/** Of an attempt that has run, as its end says, without ever having been seen: no earlier than its launch. */
function beganAt({ attempt, seenAt, startedAt, ending }: RunRecord): { readonly beganAt?: number } {
  if (attempt === undefined) return {};
  const at = seenAt ?? (ending?.kind === "exited" ? startedAt : undefined);
  return at === undefined ? {} : { beganAt: at };
}

function runningReport(record: RunRecord): Report {
  const { ready, revision, checks, place, isIdle, busy } = record;
  const detail = checks.find(({ state }) => state === "failing")?.detail ?? null;
  return {
    state: "running",
    ready,
    ...(revision === "" ? {} : { revision }),
    checks,
    ...(ready || detail === null ? {} : { detail }),
    ...(place === undefined ? {} : { place }),
    ...(isIdle === true ? { isIdle } : {}),
    ...(busy === undefined ? {} : { isBusy: true }),
    ...beganAt(record),
  };
}
