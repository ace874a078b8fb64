/**
 * What an observation does to a deployment's row, and which events it is worth. Pure: the scheduler only stores the
 * result. A report of an older generation changes nothing and tells the instance that it is disowned.
 */
import { decideRestart, type RestartDecision } from "./backoff.ts";
import { STOP, type Deployment, type Outcome } from "./deployment.ts";
import { EGRESS_CHECK, sameVerdicts, turnedChecks, type CheckState } from "../check-state.ts";
import type { Attempt } from "../../jobs/job.ts";
import type { Output } from "../../jobs/job-store.ts";
import { sameTold, type Told } from "../../jobs/told.ts";
import type { EventDraft } from "../events.ts";
import { intendStop } from "../intents.ts";
import type { ObservedPlace } from "../placement/placing.ts";
import { timelineDetails } from "../stop-timeline.ts";

/** What an instance says of itself. */
export type Report =
  /** Launch accepted; the process has not proved itself. */
  | { readonly state: "starting" }
  | {
      readonly state: "running";
      readonly ready: boolean;
      readonly detail?: string;
      readonly checks?: readonly CheckState[];
      /** Digest of the launch spec that its container was started with, as it says itself. */
      readonly revision?: string;
      /** Where it found itself; null when that cannot be read, absent while it is being read. */
      readonly place?: ObservedPlace | null;
      /** Nothing was under way for as long as a named one stays awake. */
      readonly isIdle?: boolean;
      /** It holds a busy lease. */
      readonly isBusy?: boolean;
      /** Of the attempt of a job. */
      readonly told?: Told;
      /** When that was first seen to run. */
      readonly beganAt?: number;
    }
  | { readonly state: "stopping" }
  /** No container of this generation is left. */
  | {
      readonly state: "ended";
      readonly outcome: Omit<Outcome, "at">;
      /** The end of what the attempt of a job has printed. */
      readonly output?: Output;
      readonly told?: Told;
      /** When that was first seen to run, if it has run. */
      readonly beganAt?: number;
    };

/** Reason of an end that `hard_timeout` asked for. */
export const HARD_TIMEOUT = "HardTimeout";

/** Reason of the end of everything that an earlier boot of workerd ran. */
export const SESSION_ENDED = "SessionEnded";

export interface Observation {
  /** The row to store, or null when nothing changed. */
  readonly next: Deployment | null;
  readonly events: readonly EventDraft[];
  /** False: the instance must destroy what it holds. */
  readonly owned: boolean;
  /** What changed is worth no row: the instance says it again. */
  readonly isNote?: boolean;
}

/** Why a container that was found there may take no traffic; null when it may. */
export type Verification = (observed: ObservedPlace | null | undefined) => string | null;

type Running = Extract<Report, { state: "running" }>;

const UNCHANGED: Observation = { next: null, events: [], owned: true };
const DISOWNED: Observation = { next: null, events: [], owned: false };

export function observe(
  deployment: Deployment | undefined,
  generation: number,
  report: Report,
  now: number,
  verify: Verification | null = null,
): Observation {
  if (deployment === undefined || deployment.generation !== generation) return DISOWNED;
  // The end of this generation is already accounted for: a container that still lives is nobody's.
  if (deployment.phase === "pending") return report.state === "ended" ? UNCHANGED : DISOWNED;
  switch (report.state) {
    case "starting":
    case "stopping": {
      return UNCHANGED;
    }
    case "running": {
      return observeRunning(deployment, report, verify, now);
    }
    case "ended": {
      return observeEnd(deployment, { ...report.outcome, at: now }, now);
    }
  }
}

/** With where it found itself. The next container of the deployment may be elsewhere, so that it is of this one only. */
function withPlace(deployment: Deployment, { place }: Running): Deployment {
  const { placement } = deployment;
  if (place === undefined || placement === undefined || samePlace(placement.observed, place)) return deployment;
  return { ...deployment, placement: { ...placement, observed: place } };
}

/** Whether it is busy comes and goes, and is worth no row: it says it again. */
function withBusy(deployment: Deployment, { isBusy = false }: Running): Deployment {
  if ((deployment.isBusy ?? false) === isBusy) return deployment;
  const { isBusy: _, ...rest } = deployment;
  return isBusy ? { ...rest, isBusy } : rest;
}

/** Is said again with every look at it, so that it is worth no row before its end. */
function withTold(deployment: Deployment, { told }: Running): Deployment {
  const { attempt } = deployment;
  if (attempt === undefined || told === undefined || sameTold(attempt.told, told)) return deployment;
  return { ...deployment, attempt: { ...attempt, told } };
}

/** As it says, unless it may take no traffic where it is. */
function judged(report: Running, { placement }: Deployment, verify: Verification | null): Running {
  const why = report.ready ? (verify?.(placement?.observed) ?? null) : null;
  return why === null ? report : { ...report, ready: false, detail: why };
}

function samePlace(a: ObservedPlace | null | undefined, b: ObservedPlace | null): boolean {
  if (a === undefined || a === null || b === null) return a === b;
  return a.location === b.location && a.region === b.region && a.country === b.country;
}

function observeRunning(before: Deployment, report: Running, verify: Verification | null, now: number): Observation {
  // A stop is never taken back, so a running container in a stopping slot is no news.
  if (before.phase === "stopping") return UNCHANGED;
  const deployment = withTold(withBusy(withPlace(before, report), report), report);
  if (report.isIdle === true && deployment.name !== undefined) return putToSleep(deployment, now);
  const { ready, detail, checks = [] } = judged(report, deployment, verify);
  const first = deployment.phase === "starting";
  const known = deployment.checks ?? [];
  const isSame = deployment.revision === (report.revision ?? deployment.revision);
  if (!first && deployment.ready === ready && isSame && sameVerdicts(known, checks)) {
    if (deployment === before) return UNCHANGED;
    const why = ready || detail === undefined ? {} : { detail };
    return { next: { ...deployment, ...why }, events: [], owned: true, isNote: true };
  }
  const { detail: _, checks: __, ...rest } = deployment;
  const next: Deployment = {
    ...rest,
    ...(ready || detail === undefined ? {} : { detail }),
    ...(checks.length === 0 ? {} : { checks }),
    ...(report.revision === undefined ? {} : { revision: report.revision }),
    ...(first && deployment.attempt !== undefined ? { attempt: begun(deployment.attempt, report.beganAt, now) } : {}),
    phase: "running",
    since: first ? now : deployment.since,
    ready,
    readyAt: deployment.readyAt ?? (ready ? now : null),
  };
  // The first word of a container says why it is not ready, if it is not.
  const turned = first ? [] : turnedChecks(known, checks);
  // A first pass that changes nothing else is kept, and no news.
  if (!first && deployment.ready === ready && turned.length === 0) return { next, events: [], owned: true };
  // That an attempt runs is known from its end, which says since when. Whoever forgets it asks.
  if (first && deployment.attempt !== undefined) return { next, events: [], owned: true, isNote: true };
  const health = ready ? "running" : "unhealthy";
  const event: EventDraft = {
    type: ready || (first && !isUnverified(checks)) ? "Info" : "Warn",
    name: first ? "ContainerStarted" : "CheckUpdate",
    message:
      (first
        ? `container started${ready ? " and is ready" : ", not ready yet"}`
        : `container is ${ready ? "ready" : "not ready"}`) +
      (ready || detail === undefined ? "" : `: ${detail}`) +
      saying(turned),
    deployment: deployment.id,
    generation: deployment.generation,
    details: {
      ready,
      ...(detail === undefined ? {} : { detail }),
      ...Object.fromEntries(turned.map(({ name, state }) => [`check.${name}`, state])),
    },
    statusChange: { health: first ? "running" : health, ready },
  };
  return { next, events: [event], owned: true };
}

/** As its instance has seen it, whose clock is another. */
export function begun<T extends Attempt>(attempt: T, beganAt: number | undefined, now: number): T {
  return { ...attempt, startedAt: attempt.startedAt ?? Math.min(now, Math.max(attempt.begunAt, beganAt ?? now)) };
}

/** Whoever calls it meanwhile waits for the stop to be over, and for its next start. */
function putToSleep(deployment: Deployment, now: number): Observation {
  const { next, event } = intendStop({ ...deployment, isAsleep: true }, STOP.idle, now);
  return { next, events: [event], owned: true };
}

function saying(turned: readonly CheckState[]): string {
  return turned.length === 0 ? "" : ` (${turned.map(({ name, state }) => `${name} is ${state}`).join(", ")})`;
}

function observeEnd(deployment: Deployment, outcome: Outcome, now: number): Observation {
  const wanted = deployment.phase === "stopping";
  const settled = wanted ? settleStop(deployment, outcome) : outcome;
  const { detail: _, checks: __, isBusy: ___, revision: ____, ...rest } = deployment;
  const next: Deployment = {
    ...rest,
    phase: "pending",
    ready: false,
    readyAt: null,
    since: now,
    stopReason: null,
    last: settled,
    ...restartAfter(deployment, settled, now),
    // Its next container is for whoever calls it next.
    ...(deployment.name !== undefined && settled.reason !== STOP.restarted ? { isAsleep: true } : {}),
  };
  return { next, events: [endEvent(deployment, settled, next.nextStartAt - now)], owned: true };
}

/** The launcher has its own back-off; a restart of workerd says nothing about the application. */
function restartAfter(deployment: Deployment, outcome: Outcome, now: number): RestartDecision {
  const { failures, losses } = deployment;
  if (outcome.reason === SESSION_ENDED) return { failures, losses, nextStartAt: now };
  return decideRestart(deployment, outcome.kind, now);
}

/** A container that we stopped ended as wished, however it went; one that never proved itself is the platform's. */
function settleStop(deployment: Deployment, outcome: Outcome): Outcome {
  if (deployment.stopReason === STOP.neverStarted) {
    return { ...outcome, kind: "never-started", reason: STOP.neverStarted };
  }
  return { ...outcome, kind: "stopped", reason: deployment.stopReason ?? "Stopped" };
}

const END_EVENTS = {
  exited: { type: "Error", name: "VMFailed", health: "failed" },
  killed: { type: "Error", name: "VMFailed", health: "failed" },
  stopped: { type: "Info", name: "VMStopped", health: "stopped" },
  lost: { type: "SystemError", name: "VMFailed", health: "failed" },
  unknown: { type: "SystemError", name: "VMFailed", health: "failed" },
  unavailable: { type: "SystemError", name: "VMFailedToStart", health: "failed" },
  refused: { type: "UserError", name: "VMFailedToStart", health: "failed" },
  "never-started": { type: "SystemError", name: "RuntimeStartFailed", health: "failed" },
} as const;

const DID_NOT_START: ReadonlySet<string> = new Set(["refused", "unavailable"]);

function endEvent(deployment: Deployment, outcome: Outcome, delayMs: number): EventDraft {
  const { name, health } = END_EVENTS[outcome.kind];
  // A launcher that was stopped takes its containers with it: expected, and nobody's error.
  const type = outcome.reason === SESSION_ENDED ? "Info" : END_EVENTS[outcome.kind].type;
  const code = outcome.exitCode === null ? "no exit code" : `exit code ${outcome.exitCode}`;
  const again =
    outcome.kind === "stopped" ? "" : delayMs === 0 ? "; starting again" : `; next start in ${delayMs / 1_000} s`;
  return {
    type,
    name,
    message: `container ${DID_NOT_START.has(outcome.kind) ? "did not start" : outcome.kind}: ${outcome.reason}, ${outcome.message ?? code}${again}`,
    deployment: deployment.id,
    generation: deployment.generation,
    details: {
      outcome: outcome.kind,
      reason: outcome.reason,
      exit_code: outcome.exitCode,
      restart_in_ms: delayMs,
      ...(outcome.kind === "unknown" ? { unclassified: true, text: outcome.message ?? "" } : {}),
      ...timelineDetails(outcome.stop),
    },
    statusChange: { health, ready: false },
  };
}

/** That a container is not ready at once is no news; that its requests go past Gantry is. */
function isUnverified(checks: readonly CheckState[]): boolean {
  return checks.some(({ name, state }) => name === EGRESS_CHECK && state === "failing");
}
