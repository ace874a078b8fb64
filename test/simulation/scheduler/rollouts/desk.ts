/**
 * Who begins rollouts of a simulated application and acts on them, and what goes on beside its passes: gates that come to
 * some verdict some time, and instances that requests are handed on to. Neither outlives the object that began it.
 */
import { planPut, type ApplicationPut } from "../../../../src/orchestrator/commands.ts";
import type { RolloutAction } from "../../../../src/orchestrator/rollouts/actions.ts";
import { dueAt, type Gate, type Verdict } from "../../../../src/orchestrator/rollouts/gates.ts";
import type { Rollout, RolloutSide, RolloutSpec } from "../../../../src/orchestrator/rollouts/rollout.ts";
import type { VirtualTime } from "../../engine/time.ts";
import type { Random } from "../../random.ts";
import type { ApplicationHost, ApplicationLife } from "../application-host.ts";
import type { SimulatedVersion } from "../versions.ts";
import type { RolloutDeed } from "./deeds.ts";

export interface RolloutDeskDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly application: ApplicationHost;
  /** One that a `put` stores is added to them. */
  readonly versions: SimulatedVersion[];
  readonly byUser: (act: () => void) => void;
  /** From here on requests of that rollout go to that side. */
  readonly mayHandOn: (id: string, side: RolloutSide) => void;
}

interface Attending {
  readonly gates: Set<string>;
  switching: string | null;
}

const SWITCH_MS = 15_000;
const LATE_MS = 60_000;
const MEASURED_WITHIN_MS = 8_000;
const GATE = { intervalMs: 3_000, count: 2, failureLimit: 1, timeoutMs: 10_000, isDryRun: false };

export class RolloutDesk {
  isCalm = false;
  /** Begun, and actions that were not refused. */
  begun = 0;
  acted = 0;
  switched = 0;
  measured = 0;
  readonly #deps: RolloutDeskDeps;
  readonly #attending = new WeakMap<ApplicationLife, Attending>();
  #requests = 0;

  constructor(deps: RolloutDeskDeps) {
    this.#deps = deps;
  }

  begin(deed: RolloutDeed): void {
    const { application, time } = this.#deps;
    const { row } = this;
    if (row === null || row.kind === "deployment") return;
    this.begun += 1;
    const id = `r${this.begun}`;
    const ask = () => this.#ask(deed, id);
    ask();
    if (deed.againAfterMs !== null) time.after(deed.againAfterMs, () => !this.isCalm && !application.erased && ask());
  }

  /** False: it was refused, or there is nothing to act on. */
  act(action: RolloutAction, times = 1): boolean {
    const { application, byUser, time } = this.#deps;
    if (this.row === null) return false;
    const { control, rollouts, scheduler } = application.life;
    const id = (rollouts.current() ?? rollouts.list()[0])?.id;
    if (id === undefined) return false;
    const request = `q${(this.#requests += 1)}`;
    let isDone = false;
    for (let left = times; left > 0; left -= 1) {
      const { row } = this;
      if (row === null) break;
      byUser(() => {
        ({ isDone } = control.act(row, id, action, { actor: "me", request }, time.now));
        if (isDone) scheduler.pass();
      });
    }
    if (isDone) this.acted += 1;
    return isDone;
  }

  /** After each pass of that lifetime. */
  passed(life: ApplicationLife): void {
    if (!life.alive || this.row === null) return;
    const attending = this.#attending.get(life) ?? { gates: new Set<string>(), switching: null };
    this.#attending.set(life, attending);
    const rollout = life.rollouts.current();
    if (rollout === null) return;
    if (rollout.switchTo !== null) this.#handOn(life, attending, rollout, rollout.switchTo);
    if (rollout.phase === "gating") this.#measure(life, attending, rollout);
  }

  get row() {
    const row = this.#deps.application.row();
    return row === undefined || row.deleting ? null : row;
  }

  #ask(deed: RolloutDeed, id: string): void {
    const { application, versions, time, byUser } = this.#deps;
    const { row } = this;
    const target = versions[deed.version - 1];
    if (row === null || target === undefined) return;
    const { specification, db } = application.life;
    const guard = { ifMatch: null, lease: null, seed: id, isRetry: false };
    if (deed.by === "post") {
      const request = { spec: specOf(deed), target: deed.version };
      byUser(() => specification.rollout(row, request, guard, null, time.now));
      return;
    }
    const {
      strategy: _,
      kind: __,
      steps: ___,
      gates: ____,
      sticky: _____,
      description: ______,
      ...rollout
    } = specOf(deed);
    const { configuration, revision } = target;
    const instances = deed.instances ?? row.spec.instances;
    const put: ApplicationPut = { spec: { ...row.spec, instances, rollout }, version: { configuration, revision } };
    const isRetry = application.life.rollouts.get(id) !== null;
    if (!isRetry && planPut(db, row, put).version?.insert != null) versions.push(target);
    byUser(() => specification.put(row, put, { ...guard, isRetry }, null, time.now));
  }

  #handOn(life: ApplicationLife, attending: Attending, { id }: Rollout, side: RolloutSide): void {
    const { time, random } = this.#deps;
    const key = `${id} ${side}`;
    if (attending.switching === key) return;
    attending.switching = key;
    const tell = (isLate: boolean) => {
      const { row } = this;
      const current = life.rollouts.current();
      if (!life.alive || row === null) return;
      if (attending.switching === key) attending.switching = null;
      // Whoever is handing on to one side has not handed on to the other.
      if (current?.id === id && current.switchTo !== side && current.switchTo !== null) return;
      if (current?.id === id && current.switchTo === side) this.#deps.mayHandOn(id, side);
      if (!isLate) this.switched += 1;
      life.control.switched(row, id, time.now);
      life.scheduler.pass();
    };
    const afterMs = random.between(0, random.chance(0.2) ? SWITCH_MS : 500);
    time.after(afterMs, () => tell(false));
    if (random.chance(0.3)) time.after(afterMs + random.between(0, LATE_MS), () => tell(true));
  }

  #measure(
    life: ApplicationLife,
    attending: Attending,
    { id, step, stepStartedAt, spec, measurements }: Rollout,
  ): void {
    const { time, random } = this.#deps;
    for (const gate of spec.gates) {
      const key = `${id} ${step} ${stepStartedAt} ${gate.name}`;
      const at = dueAt(gate, measurements, time.now);
      if (at === null || attending.gates.has(key)) continue;
      attending.gates.add(key);
      const afterMs = Math.max(0, at - time.now) + random.between(0, MEASURED_WITHIN_MS);
      const verdict = this.#verdict();
      time.after(afterMs, () => {
        const { row } = this;
        attending.gates.delete(key);
        if (!life.alive || row === null) return;
        this.measured += 1;
        const told = { gate: gate.name, at: time.now, verdict: this.isCalm ? "passed" : verdict, message: "" };
        life.control.measured(row, { id, step, stepStartedAt }, told);
        life.scheduler.pass();
      });
    }
  }

  #verdict(): Verdict {
    const { random } = this.#deps;
    if (random.chance(0.7)) return "passed";
    return random.chance(0.5) ? "failed" : "inconclusive";
  }
}

export function specOf(deed: RolloutDeed): RolloutSpec {
  const gates = Array.from({ length: deed.gates }, (_, index): Gate => ({
    ...GATE,
    name: `g${index}`,
    type: "webhook",
    url: "https://gate.example/",
  }));
  return {
    description: "simulated",
    strategy: deed.strategy,
    kind: deed.kind,
    steps: deed.steps.map(({ percentage, waits }) => ({ percentage, waits, description: `${percentage} %` })),
    gates,
    sticky: null,
    maxSurge: deed.surge,
    maxUnavailable: deed.unavailable,
    minHealthyMs: deed.minHealthyMs,
    progressDeadlineMs: deed.deadlineMs,
    autoRevert: deed.autoRevert,
    scaleDownDelayMs: deed.delayMs,
  };
}
