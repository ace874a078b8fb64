/**
 * What a planned action does to the rows before anything is sent: the intent. Pure; the scheduler stores it in the
 * transaction of the pass and only then acts, so that a crash in between is finished by the next pass.
 */
import type { EventDraft } from "./events.ts";
import type { ScoreRow } from "./placement/place.ts";
import type { PlacementRecord } from "./placement/placing.ts";
import { STOP, type Deployment } from "./plan/deployment.ts";
import type { Placing } from "./plan/plan.ts";
import { assertNever } from "../assert-never.ts";

export interface Intent {
  readonly next: Deployment;
  readonly event: EventDraft;
}

/** The first placement of a new slot. */
export function intendPlacement(
  id: string,
  slot: number,
  version: number,
  now: number,
  reason = "BelowDesiredCount",
  placing: Placing | null = null,
  name?: string,
): Intent {
  const next: Deployment = {
    ...emptySlot(id, slot, version, placing?.location.code, now),
    ...(name === undefined ? {} : { name }),
    phase: "starting",
    generation: 1,
    ...(placing === null ? {} : { placement: recordOf(placing, now) }),
  };
  return { next, event: placedEvent(next, reason) };
}

/**
 * A slot that is there before anything is placed in it. A standalone deployment has one from the moment that it is made,
 * so that it has an id while it waits for room.
 */
export function emptySlot(
  id: string,
  slot: number,
  version: number,
  location: string | undefined,
  now: number,
): Deployment {
  return {
    id,
    slot,
    createdAt: now,
    phase: "pending",
    ready: false,
    generation: 0,
    version,
    since: now,
    readyAt: null,
    failures: 0,
    losses: 0,
    nextStartAt: now,
    stopReason: null,
    last: null,
    held: false,
    cordoned: false,
    ...(location === undefined ? {} : { location }),
  };
}

function recordOf({ location, decision, misplaced }: Placing, now: number): PlacementRecord {
  const { region, city, pop } = location;
  const kept = { ...decision, table: decision.table.map(rounded) };
  return { region, city, pop, decidedAt: now, decision: kept, ...(misplaced === 0 ? {} : { misplaced }) };
}

function short(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** The table is in the row of every deployment, for people. */
function rounded({ location, scores, score }: ScoreRow): ScoreRow {
  const own = Object.entries(scores).map(([name, value]) => [name, short(value)]);
  return { location, scores: Object.fromEntries(own) as ScoreRow["scores"], score: short(score) };
}

/** `forgive`: what failed so far was another revision, and is not held against this one. */
export function intendStart(
  deployment: Deployment,
  version: number,
  reason: string,
  now: number,
  forgive = false,
): Intent {
  const { placement, isAsleep: _, parkedUntil: __, revision: ___, ...rest } = deployment;
  const next: Deployment = {
    ...rest,
    ...(placement === undefined ? {} : { placement: withoutObserved(placement) }),
    ...(forgive ? { failures: 0, losses: 0 } : {}),
    phase: "starting",
    generation: deployment.generation + 1,
    version,
    since: now,
    ready: false,
    readyAt: null,
    stopReason: null,
    cordoned: false,
  };
  return { next, event: placedEvent(next, reason) };
}

/** The next container may be elsewhere. */
function withoutObserved(placement: PlacementRecord): PlacementRecord {
  const { observed: _, ...record } = placement;
  return record;
}

/** Out of traffic until then, and into it again. Nothing is told to the container. */
export function intendAside(deployment: Deployment, until: number | null): Intent {
  const { parkedUntil: _, ...rest } = deployment;
  const next = until === null ? rest : { ...rest, parkedUntil: until };
  const said =
    until === null
      ? { name: "InstanceRecalled", message: "takes traffic again" }
      : { name: "InstanceParked", message: "takes no traffic any more, and goes on running for scale_down_delay" };
  const { id, generation } = deployment;
  return { next, event: { type: "Info", ...said, deployment: id, generation, details: {} } };
}

/** `signal`: what the container is sent first, where that is not SIGTERM. */
export function intendStop(deployment: Deployment, reason: string, now: number, signal?: number): Intent {
  const { stopSignal: _, ...rest } = deployment;
  const next: Deployment = {
    ...rest,
    ...(signal === undefined ? {} : { stopSignal: signal }),
    phase: "stopping",
    since: now,
    ready: false,
    stopReason: reason,
  };
  const neverStarted = reason === STOP.neverStarted;
  return {
    next,
    event: {
      type: neverStarted ? "SystemError" : "Info",
      name: "VMStopping",
      message: neverStarted
        ? "the container did not prove itself in time: destroying it and placing it again"
        : `stopping the container: ${reason}`,
      deployment: next.id,
      generation: next.generation,
      details: { reason },
      statusChange: { health: "stopping", ready: false },
    },
  };
}

function placedEvent(next: Deployment, reason: string): EventDraft {
  const where = next.location === undefined ? "" : ` in ${next.location}`;
  return {
    type: "Info",
    name: "SchedulerPlaced",
    message: `placed ${next.name === undefined ? `in slot ${next.slot}` : `for ${next.name}`} as generation ${next.generation}${where}: ${reason}`,
    deployment: next.id,
    generation: next.generation,
    details: {
      ...(next.name === undefined ? { slot: next.slot } : { name: next.name }),
      version: next.version,
      reason,
      ...(next.location === undefined ? {} : { location: next.location }),
    },
    statusChange: { health: "placed", ready: false },
  };
}

/** The message that an intended phase asks for. */
export function messageFor(phase: Deployment["phase"]): "launch" | "stop" | null {
  switch (phase) {
    case "starting": {
      return "launch";
    }
    case "stopping": {
      return "stop";
    }
    case "pending":
    case "running": {
      return null;
    }
    default: {
      return assertNever(phase);
    }
  }
}
