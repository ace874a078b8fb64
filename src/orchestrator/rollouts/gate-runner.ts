/**
 * Makes the measurements of the step that a rollout waits in, each gate's one after the other, and tells what they say.
 * Nothing of it is stored: what was under way when the object went is measured again, for the same number. Nothing is
 * asked, and no answer counts, for a rollout that is paused, over or at another step.
 */
import { describeError } from "../../errors.ts";
import { analysisOf, dueAt, measurementsOf, type Gate, type Measurement } from "./gates.ts";
import { measure } from "./measure.ts";
import type { MeasureDeps, Subject } from "./measuring.ts";
import type { Rollout } from "./rollout.ts";

/** A measurement has ended by its timeout; that long after it, it was lost. */
const LOST_AFTER_MS = 5_000;

export interface GateRunnerDeps extends MeasureDeps {
  readonly clock: () => number;
  /** The one under way, as it is stored. */
  readonly rollout: () => Rollout | null;
  /** The application's name. */
  readonly application: () => string;
  /** Keeps it and looks at the rollout again, which calls `follow`. */
  readonly onMeasured: (rolloutId: string, step: number, stepStartedAt: number, measurement: Measurement) => void;
  readonly background: (work: Promise<void>) => void;
}

interface UnderWay {
  readonly startedAt: number;
  readonly controller: AbortController;
}

export class GateRunner {
  readonly #deps: GateRunnerDeps;
  readonly #underWay = new Map<string, UnderWay>();
  #following = "";

  constructor(deps: GateRunnerDeps) {
    this.#deps = deps;
  }

  /** After each pass, whatever the rollout is at. Returns when to be called again at the latest; null: no need. */
  follow(): number | null {
    const { clock, rollout: rolloutOf } = this.#deps;
    const rollout = rolloutOf();
    if (rollout === null || stepOf(rollout) !== this.#following) this.#stop();
    if (rollout === null || rollout.phase !== "gating") return this.#stop();
    this.#following = stepOf(rollout);
    const { gates } = rollout.spec;
    const now = clock();
    if (analysisOf(gates, rollout.measurements, now).analysis !== "pending") return this.#stop();
    const times: number[] = [];
    for (const gate of gates) {
      const at = this.#underWay.has(gate.name) ? now : dueAt(gate, rollout.measurements, now);
      if (at === null) continue;
      times.push(at > now ? at : this.#begin(gate, rollout, now));
    }
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Unless it is under way. When it must have ended, also where the object that made it is gone by then. */
  #begin(gate: Gate, rollout: Rollout, now: number): number {
    const before = this.#underWay.get(gate.name);
    const lostAt = (before?.startedAt ?? 0) + gate.timeoutMs + LOST_AFTER_MS;
    if (lostAt > now) return lostAt;
    before?.controller.abort();
    const underWay = { startedAt: now, controller: new AbortController() };
    this.#underWay.set(gate.name, underWay);
    this.#deps.background(this.#measure(gate, rollout, underWay));
    return now + gate.timeoutMs + LOST_AFTER_MS;
  }

  async #measure(gate: Gate, rollout: Rollout, underWay: UnderWay): Promise<void> {
    const { signal } = underWay.controller;
    const result = await measure(gate, this.#subject(gate, rollout), this.#deps, signal);
    if (signal.aborted) return;
    this.#underWay.delete(gate.name);
    const { clock, rollout: rolloutOf, onMeasured } = this.#deps;
    const now = rolloutOf();
    if (now === null || now.phase !== "gating" || stepOf(now) !== stepOf(rollout)) return;
    const { id, step, stepStartedAt } = rollout;
    try {
      onMeasured(id, step, stepStartedAt, { gate: gate.name, at: clock(), ...result });
    } catch (error) {
      console.warn({ message: "rollout.measurement.lost", rollout: id, gate: gate.name, error: describeError(error) });
    }
  }

  #subject(gate: Gate, { id, spec, toVersion, step, stepStartedAt, measurements }: Rollout): Subject {
    const own = measurementsOf(gate, measurements);
    // What was too little to judge counts towards the next judgement.
    const since = own.findLast(({ verdict }) => verdict !== "inconclusive")?.at ?? stepStartedAt;
    return {
      rollout: id,
      application: this.#deps.application(),
      version: toVersion,
      step: step + 1,
      stepStartedAt,
      percentage: spec.steps[step]?.percentage ?? 100,
      measurement: own.length + 1,
      since,
    };
  }

  #stop(): null {
    for (const { controller } of this.#underWay.values()) controller.abort();
    this.#underWay.clear();
    this.#following = "";
    return null;
  }
}

/** Which step of which rollout, and which try of it. */
function stepOf({ id, step, stepStartedAt }: Rollout): string {
  return `${id} ${step} ${stepStartedAt}`;
}
