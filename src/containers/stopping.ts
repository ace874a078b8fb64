/**
 * A stop: cordon, wait for what is under way, SIGTERM, grace, SIGKILL. Each step is in the record before it is taken, and
 * the one timer of the instance says when the next is due, so that an eviction at any point only resumes: a container that
 * has had its SIGTERM gets no second one.
 */
import { drainMsOf } from "../orchestrator/probe-spec.ts";
import type { Database } from "../database.ts";
import type { StopTimeline } from "../orchestrator/stop-timeline.ts";
import { STOP } from "../orchestrator/plan/deployment.ts";
import { SETTLED_WITHIN_MS } from "./place-reader.ts";
import type { BusyHold } from "./busy-hold.ts";
import type { InFlight } from "./in-flight.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord, Stop } from "./run-record.ts";
import type { RunState } from "./run-state.ts";

const SIGTERM = 15;
/** Somebody wants it gone, whatever it does. */
const WAITS_FOR_NO_HOLD: ReadonlySet<string> = new Set([STOP.deleted, STOP.destroyed]);

/** `signal`: what is sent first, where it is not SIGTERM. */
export type StopCall = Omit<Stop, "timeline"> & { readonly signal?: number };

/** How a stop begins: `kill` sends no SIGTERM, `terminate` waits for nothing under way, `drain` does. */
export type StopStart = "drain" | "terminate" | "kill";

export interface StoppingDeps {
  readonly db: Database;
  readonly state: RunState;
  readonly port: ContainerPort;
  readonly inFlight: InFlight;
  readonly busy: BusyHold;
  readonly clock: () => number;
  /** When the next step is due. */
  readonly wakeAt: (at: number) => void;
  /** The end of the command of ours that runs inside, for a moment at most; null when none does. */
  readonly settled: () => Promise<void> | null;
  /** Kills and removes; the end is told by whoever notices it first. */
  readonly destroy: (record: RunRecord) => Promise<void>;
  /** The container is gone already. */
  readonly onGone: (record: RunRecord) => void;
  readonly background: (work: Promise<void>) => void;
}

export class Stopping {
  readonly #deps: StoppingDeps;

  constructor(deps: StoppingDeps) {
    this.#deps = deps;
  }

  begin(record: RunRecord, start: StopStart, { kind, reason, message, isOwn, signal }: StopCall): void {
    const { inFlight, clock } = this.#deps;
    const now = clock();
    const holdUntil = start === "drain" ? this.#holdUntil(record, reason) : now;
    const drainMs = drainMsOf(record, reason);
    const isDrained = start === "drain" && inFlight.count === 0 && holdUntil === now;
    const timeline: StopTimeline = {
      cordonedAt: now,
      drain: start !== "drain" ? "skipped" : isDrained ? "drained" : null,
      drainedAt: start === "drain" && !isDrained ? null : now,
      inFlight: inFlight.count,
      cutOff: start === "drain" ? 0 : inFlight.count,
      sigtermAt: null,
      sigkillAt: null,
      ...(signal === undefined ? {} : { signal }),
    };
    const said = { ...(message === undefined ? {} : { message }), ...(isOwn === true ? { isOwn } : {}) };
    const stop: Stop = { kind, reason, timeline, ...said };
    const stopping: RunRecord = { ...record, phase: "stopping", ready: false, stop };
    if (start === "kill") {
      this.#write(stopping, now);
    } else if (start === "terminate" || isDrained) {
      this.#terminate(stopping, timeline);
    } else {
      this.#write(stopping, Math.max(now + drainMs, holdUntil));
      this.#deps.background(this.#drain(record.generation, drainMs, holdUntil));
    }
  }

  /** A stop that waits for a busy container, and is asked for again by who does not. */
  hasten(record: RunRecord, reason: string): void {
    const { stop, drainTimeoutMs } = record;
    const now = this.#deps.clock();
    const isWaiting = stop?.timeline.drain === null && this.#holdUntil(record, stop.reason) > now;
    if (!isWaiting || !WAITS_FOR_NO_HOLD.has(reason)) return;
    this.#write({ ...record, stop: { ...stop, reason } }, now + drainTimeoutMs);
    this.#deps.background(this.#drain(record.generation, drainTimeoutMs, now));
  }

  /** After an eviction, which ended every request that was under way. */
  resume(record: RunRecord): void {
    const { stop, generation } = record;
    if (stop?.timeline.drain !== null) return;
    const holdUntil = this.#holdUntil(record, stop.reason);
    if (holdUntil > this.#deps.clock()) this.#deps.background(this.#drain(generation, 0, holdUntil, "interrupted"));
    else this.#terminate(record, this.#drained(stop.timeline, "interrupted"));
  }

  /** Until when at most a busy container is waited for; now, when it is not. */
  #holdUntil(record: RunRecord, reason: string): number {
    const { busy, clock } = this.#deps;
    // A job's container holds up nobody: what stops it is the job's own.
    return WAITS_FOR_NO_HOLD.has(reason) || record.attempt !== undefined ? clock() : busy.deadlineOf(record);
  }

  /** The time of the next step has come. */
  async onDue(record: RunRecord): Promise<void> {
    const { stop } = record;
    if (stop?.timeline.drain === null) {
      this.#terminate(record, this.#drained(stop.timeline, "timed_out"));
      return;
    }
    const { clock, state, destroy } = this.#deps;
    const timeline = stop === null ? null : { ...stop.timeline, sigkillAt: clock() };
    const next = stop === null || timeline === null ? record : { ...record, stop: { ...stop, timeline } };
    // The end is written a moment later, and says it.
    state.note(next);
    await destroy(next);
  }

  async #drain(
    generation: number,
    timeoutMs: number,
    holdUntil: number,
    whenDrained: "drained" | "interrupted" = "drained",
  ): Promise<void> {
    const { inFlight, busy, clock } = this.#deps;
    await Promise.all([inFlight.drained(timeoutMs), busy.freed(holdUntil)]);
    const isDrained = inFlight.count === 0 && (!busy.isHeld || clock() < holdUntil);
    const record = this.#deps.state.live(generation);
    const timeline = record?.stop?.timeline;
    if (record === undefined || timeline?.drain !== null) return;
    this.#terminate(record, this.#drained(timeline, isDrained ? whenDrained : "timed_out"));
  }

  #drained(timeline: StopTimeline, drain: "drained" | "timed_out" | "interrupted"): StopTimeline {
    const { inFlight, clock } = this.#deps;
    const cutOff = drain === "interrupted" ? timeline.inFlight : inFlight.count;
    return { ...timeline, drain, drainedAt: clock(), cutOff };
  }

  #terminate(record: RunRecord, timeline: StopTimeline): void {
    const { clock, background, settled } = this.#deps;
    const { stop, generation } = record;
    if (stop === null) return;
    const now = clock();
    const next = { ...record, stop: { ...stop, timeline: { ...timeline, sigtermAt: now } } };
    const command = settled();
    this.#write(next, now + (command === null ? 0 : SETTLED_WITHIN_MS) + record.stopGraceMs);
    if (command === null) this.#signal(generation);
    else background(command.then(() => this.#signal(generation)));
  }

  #signal(generation: number): void {
    const { port, onGone, state } = this.#deps;
    const record = state.live(generation);
    if (record === undefined) return;
    try {
      port.signal(record.stop?.timeline.signal ?? SIGTERM);
    } catch {
      onGone(record);
    }
  }

  #write(next: RunRecord, dueAt: number): void {
    const { db, state, wakeAt } = this.#deps;
    db.transaction(() => {
      state.write(next);
      wakeAt(dueAt);
    });
  }
}
