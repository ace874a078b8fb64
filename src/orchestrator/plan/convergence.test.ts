/**
 * Planner, observer and intents together in a model of the world: instances that fail in every way they can, messages
 * and reports that come late, twice or never, and a scheduler that forgets everything it has not written.
 */
import * as fc from "fast-check";
import { describe, it } from "vitest";
import { intendPlacement, intendStart, intendStop, messageFor } from "../intents.ts";
import { decideAction, INSTANCE_ACTIONS, type InstanceAction } from "../instance-actions.ts";
import { isLive, type Deployment, type OutcomeKind } from "./deployment.ts";
import { observe, type Report } from "./observe.ts";
import { DEFAULT_LIMITS, plan, type Delivery } from "./plan.ts";

interface Instance {
  generation: number;
  phase: "starting" | "running" | "stopping" | "ended";
  /** A container lives, whatever the instance believes. */
  container: boolean;
  ending: Extract<Report, { state: "ended" }>["outcome"];
}

interface Message {
  readonly id: string;
  readonly generation: number;
  readonly phase: Deployment["phase"];
}

interface LateReport {
  readonly id: string;
  readonly generation: number;
  readonly report: Report;
}

/** What may live above the count while a version replaces another. */
const MAX_SURGE = 1;
/** Versions 1 and 3 start the same thing. */
const REVISIONS = ["", "a", "b", "a", "c"];

class World {
  readonly rows = new Map<string, Deployment>();
  readonly instances = new Map<string, Instance>();
  readonly problems: string[] = [];
  wanted = 3;
  active = 1;
  now = 1_000;
  #messages: Message[] = [];
  #late: LateReport[] = [];
  /** Messages of an earlier lifetime of the scheduler that are still on their way. */
  #orphans: Message[] = [];
  #acknowledged = new Map<string, string>();
  #retryAt = new Map<string, number>();
  #silent = new Set<string>();
  #nextId = 0;

  get live(): number {
    return [...this.instances.values()].filter(({ container }) => container).length;
  }

  pass(): number | null {
    const delivery: Delivery = {
      isAcknowledged: (id, generation, phase) => this.#acknowledged.get(id) === `${generation}:${phase}`,
      isInFlight: (id) => this.#messages.some((message) => message.id === id),
      retryAt: (id) => this.#retryAt.get(id) ?? 0,
      lastSentAt: () => 0,
      isSilent: (id) => this.#silent.has(id),
    };
    const { actions, requeueAt } = plan({
      desired: {
        instances: this.wanted,
        version: this.active,
        isOutdated: (version) => REVISIONS[version] !== REVISIONS[this.active],
        strategy: "rolling",
        deleting: false,
      },
      deployments: [...this.rows.values()],
      delivery,
      limits: DEFAULT_LIMITS,
      now: this.now,
    });
    for (const action of actions) {
      if (action.type === "place")
        this.#intend(intendPlacement(`d${this.#nextId++}`, action.slot, action.version, this.now).next);
      if (!("id" in action)) continue;
      const row = this.rows.get(action.id) as Deployment;
      if (action.type === "start")
        this.#intend(intendStart(row, action.version, action.reason, this.now, action.forgive).next);
      else if (action.type === "stop") this.#intend(intendStop(row, action.reason, this.now).next);
      else if (action.type === "remove") {
        this.rows.delete(row.id);
        // The release: the instance forgets everything and holds nothing.
        this.instances.delete(row.id);
      } else this.#messages.push({ id: row.id, generation: row.generation, phase: row.phase });
    }
    const live = [...this.rows.values()].filter(isLive);
    const most = this.wanted + (live.some((row) => this.#isOutdated(row)) ? MAX_SURGE : 0);
    if (live.length > most) this.problems.push(`${live.length} are live, ${this.wanted} are wanted`);
    return requeueAt;
  }

  act(id: string, action: InstanceAction): void {
    const row = this.rows.get(id);
    if (row === undefined) return;
    const decision = decideAction(row, action, { actor: "me", name: id, kind: "application" }, this.now);
    if (decision.type !== "changed") return;
    if (decision.next.phase === row.phase) this.#store(decision.next);
    else this.#intend(decision.next);
  }

  #isOutdated({ version }: Deployment): boolean {
    return REVISIONS[version] !== REVISIONS[this.active];
  }

  #intend(next: Deployment): void {
    this.#store(next);
    this.#messages.push({ id: next.id, generation: next.generation, phase: next.phase });
  }

  #store(next: Deployment): void {
    const before = this.rows.get(next.id);
    const takenBack = before?.phase === "stopping" && before.generation === next.generation;
    if (takenBack && isLive(next)) this.problems.push(`a stop of ${next.id} was taken back`);
    if (before !== undefined && next.generation < before.generation) this.problems.push("a generation went back");
    this.rows.set(next.id, next);
  }

  /** The instance gets the message; its answer may be kept back. */
  deliver(index: number, fate: "answered" | "answer lost" | "lost"): void {
    const [message] = this.#messages.splice(index % Math.max(1, this.#messages.length), 1);
    if (message === undefined) return;
    const { id, generation } = message;
    if (fate === "lost") {
      this.#retryAt.set(id, this.now + 500);
      return;
    }
    this.#arrive(message);
    if (fate === "answer lost") {
      this.#retryAt.set(id, this.now + 500);
      return;
    }
    this.#acknowledged.set(id, `${generation}:${message.phase}`);
    this.#retryAt.delete(id);
    this.report(id);
  }

  deliverOrphan(): void {
    const message = this.#orphans.shift();
    if (message !== undefined) this.#arrive(message);
  }

  #arrive({ id, generation, phase }: Message): void {
    const kind = messageFor(phase);
    if (kind === "launch") this.#launch(id, generation);
    else this.#stopOrLook(id, generation, kind === "stop");
  }

  #launch(id: string, generation: number): void {
    const instance = this.instances.get(id);
    if (instance !== undefined && generation <= instance.generation) return;
    const ending = { kind: "lost", exitCode: null, reason: "Unknown" } as const;
    this.instances.set(id, { generation, phase: "starting", container: true, ending });
  }

  #stopOrLook(id: string, generation: number, stop: boolean): void {
    const instance = this.instances.get(id);
    if (instance === undefined || generation > instance.generation) {
      const ending = { kind: "stopped", exitCode: null, reason: "Unknown" } as const;
      this.instances.set(id, { generation, phase: "ended", container: false, ending });
      return;
    }
    if (instance.phase === "ended") return;
    if (!instance.container) this.#end(instance, "lost");
    else if (stop && instance.generation === generation) instance.phase = "stopping";
  }

  #end(instance: Instance, kind: OutcomeKind): void {
    instance.phase = "ended";
    instance.container = false;
    instance.ending = { kind, exitCode: kind === "exited" ? 1 : null, reason: kind };
  }

  /** The instance tells what it is now. */
  report(id: string): void {
    const instance = this.instances.get(id);
    if (instance === undefined) return;
    this.#hear({ id, generation: instance.generation, report: reportOf(instance) });
  }

  reportLate(id: string): void {
    const instance = this.instances.get(id);
    if (instance !== undefined) this.#late.push({ id, generation: instance.generation, report: reportOf(instance) });
  }

  hearLate(index: number): void {
    const [late] = this.#late.splice(index % Math.max(1, this.#late.length), 1);
    if (late !== undefined) this.#hear(late);
  }

  #hear({ id, generation, report }: LateReport): void {
    const row = this.rows.get(id);
    const { next, owned } = observe(row, generation, report, this.now);
    if (next !== null) {
      if (row?.generation !== generation) this.problems.push("a stale generation changed something");
      this.#store(next);
    }
    if (owned) this.#silent.delete(id);
    const instance = this.instances.get(id);
    if (!owned && instance?.generation === generation && instance.phase !== "ended") this.#end(instance, "stopped");
  }

  /** Time and the container go on: a start proves itself, a stop is over, an unseen loss is found. */
  keepAlive(id: string): void {
    const instance = this.instances.get(id);
    if (instance === undefined || instance.phase === "ended") return;
    if (!instance.container) this.#end(instance, "lost");
    else if (instance.phase === "starting") instance.phase = "running";
    else if (instance.phase === "stopping") this.#end(instance, "stopped");
  }

  fail(id: string, fault: OutcomeKind | "vanished" | "silent"): void {
    const instance = this.instances.get(id);
    if (instance === undefined || instance.phase === "ended") return;
    if (fault === "vanished") instance.container = false;
    else if (fault === "silent") this.#silent.add(id);
    else this.#end(instance, fault);
  }

  /** The scheduler's memory is gone between two writes; the first few of its messages are on their way. */
  crash(sent: number): void {
    this.#orphans.push(...this.#messages.slice(0, sent));
    this.#messages = [];
    this.#acknowledged.clear();
    this.#retryAt.clear();
  }

  /** No more faults: everything is delivered, everybody speaks, time passes. */
  settle(): boolean {
    for (let round = 0; round < 60; round += 1) {
      const requeueAt = this.pass();
      while (this.#messages.length > 0) this.deliver(0, "answered");
      while (this.#orphans.length > 0) this.deliverOrphan();
      while (this.#late.length > 0) this.hearLate(0);
      for (const id of this.instances.keys()) {
        this.keepAlive(id);
        this.report(id);
      }
      if (this.#rests() && requeueAt === null) return true;
      this.now = Math.max(this.now + 1, requeueAt ?? 0);
    }
    return false;
  }

  #rests(): boolean {
    const rows = [...this.rows.values()];
    const isAsWanted = (row: Deployment) =>
      row.held ? row.phase === "pending" : row.phase === "running" && row.ready && !this.#isOutdated(row);
    return rows.length === this.wanted && rows.every(isAsWanted);
  }
}

function reportOf({ phase, ending }: Instance): Report {
  if (phase === "ended") return { state: "ended", outcome: ending };
  return phase === "running" ? { state: "running", ready: true } : { state: phase };
}

type Step = (world: World) => void;

/** Any deployment that there ever was. */
const someone = fc.nat(7).map((n) => `d${n}`);
const fault = fc.constantFrom("exited", "refused", "lost", "never-started", "vanished", "silent" as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>((world) => void world.pass()) },
  {
    weight: 2,
    arbitrary: fc.nat(4).map(
      (n): Step =>
        (world) =>
          (world.wanted = n),
    ),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.nat(8), fc.constantFrom("answered", "answered", "answer lost", "lost" as const)).map(
      ([n, fate]): Step =>
        (world) =>
          world.deliver(n, fate),
    ),
  },
  {
    weight: 3,
    arbitrary: someone.map(
      (id): Step =>
        (world) =>
          world.keepAlive(id),
    ),
  },
  {
    weight: 3,
    arbitrary: someone.map(
      (id): Step =>
        (world) =>
          world.report(id),
    ),
  },
  {
    weight: 2,
    arbitrary: someone.map(
      (id): Step =>
        (world) =>
          world.reportLate(id),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(8).map(
      (n): Step =>
        (world) =>
          world.hearLate(n),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(someone, fault).map(
      ([id, how]): Step =>
        (world) =>
          world.fail(id, how),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(4).map(
      (sent): Step =>
        (world) =>
          world.crash(sent),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: REVISIONS.length - 1 }).map(
      (version): Step =>
        (world) =>
          void (world.active = version),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(someone, fc.constantFrom(...INSTANCE_ACTIONS)).map(
      ([id, action]): Step =>
        (world) =>
          world.act(id, action),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 1_000, 30_000, 130_000).map(
      (ms): Step =>
        (world) =>
          void (world.now += ms),
    ),
  },
);
const faults = fc.array(step, { minLength: 1, maxLength: 120, size: "max" });
const RUNS = { numRuns: 1_000 };

function suffer(steps: readonly Step[]): World {
  const world = new World();
  for (const act of steps) act(world);
  return world;
}

describe("after any history of faults", () => {
  it("never more was live than wanted, no stop taken back, nothing changed by the past", ({ expect }) => {
    fc.assert(
      fc.property(faults, (steps) => {
        expect(suffer(steps).problems).toEqual([]);
      }),
      RUNS,
    );
  });

  it("what runs becomes what is wanted once faults stop, and then nothing is left to do", ({ expect }) => {
    fc.assert(
      fc.property(faults, fc.nat(5), (steps, wanted) => {
        const world = suffer(steps);
        world.wanted = wanted;
        // One that is out of traffic by a user's wish may be what a replacement waits for.
        for (const id of world.rows.keys()) world.act(id, "uncordon");
        expect(world.settle()).toBe(true);
        expect(world.problems).toEqual([]);
        const held = [...world.rows.values()].filter((row) => row.held).length;
        expect(world.live).toBe(wanted - held);
        expect(world.pass()).toBeNull();
      }),
      RUNS,
    );
  });

  it("nothing is left alive when nothing is wanted", ({ expect }) => {
    fc.assert(
      fc.property(faults, (steps) => {
        const world = suffer(steps);
        world.wanted = 0;
        expect(world.settle()).toBe(true);
        expect([world.live, world.rows.size]).toEqual([0, 0]);
      }),
      RUNS,
    );
  });
});
