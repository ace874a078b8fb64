/**
 * The containers of an application: members of its pool and attempts of its jobs. Each does what an instance does, by
 * generation, and tells it until it is heard; what becomes of it is the faults'. The life of a real instance is in the
 * simulation of the scheduler.
 */
import { refuse } from "../../../src/containers/refusal.ts";
import { TASK_HEADER, TASK_TRY_HEADER } from "../../../src/containers/refusal.ts";
import type { SlotAttempt } from "../../../src/jobs/job.ts";
import type { Outcome } from "../../../src/orchestrator/plan/deployment.ts";
import type { Report } from "../../../src/orchestrator/plan/observe.ts";
import type { RoutingMember } from "../../../src/orchestrator/routing.ts";
import type { InstanceAnswer, InstanceClient } from "../../../src/orchestrator/scheduler-deps.ts";
import type { Network } from "../engine/network.ts";
import type { Lifetime } from "../engine/storage.ts";
import type { VirtualTime } from "../engine/time.ts";
import type { Random } from "../random.ts";
import type { BatchFaults } from "./faults.ts";

const BOOT_MS = 1_500;
const JOB_MS = 20_000;
const GRACE_MS = 10_000;
const TELL_AGAIN_MS = 5_000;
/** How soon somebody notices that a container is gone. */
const NOTICED_MS = 20_000;
const LOOK_MS = 60_000;

type Ended = Omit<Outcome, "at">;

export interface Container {
  readonly id: string;
  generation: number;
  state: "none" | "starting" | "running" | "ended";
  /** For whom it runs; null: a member of the pool. */
  attempt: SlotAttempt | null;
  outcome: Ended | null;
  signalledAt: number | null;
  readonly life: Lifetime;
}

export interface PlatformDeps {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly random: Random;
  readonly faults: BatchFaults;
  readonly trace: (line: string) => void;
  /** False: whoever says so is to destroy what it has. */
  readonly report: (id: string, generation: number, report: Report) => boolean;
  readonly begun: (container: Container) => void;
  readonly posted: (task: string, number: number) => void;
  /** Well. */
  readonly answered: (task: string, number: number) => void;
}

export class Platform {
  readonly containers = new Map<string, Container>();
  starts = 0;
  readonly #deps: PlatformDeps;
  readonly #hanging = new Set<Container>();

  constructor(deps: PlatformDeps) {
    this.#deps = deps;
  }

  client(from: Lifetime, attemptOf: (id: string) => SlotAttempt | undefined): InstanceClient {
    const { network } = this.#deps;
    return {
      launch: ({ deploymentId: id, generation }) => {
        const attempt = attemptOf(id) ?? null;
        return network.send(from, `launch ${id}/${generation}`, async () => this.#launch(id, generation, attempt));
      },
      stop: (id, generation) => network.send(from, `stop ${id}/${generation}`, async () => this.#stop(id, generation)),
      forbid: (id, generation) =>
        network.send(from, `forbid ${id}/${generation}`, async () => {
          const container = this.#of(id);
          if (generation > container.generation) retire(container, generation, "Forbidden");
          return answer(container);
        }),
      check: (id, generation) =>
        network.send(from, `check ${id}/${generation}`, async () => {
          const container = this.#of(id);
          if (container.generation === 0) retire(container, generation, "Unknown");
          return answer(container);
        }),
      release: (id) =>
        network.send(from, `release ${id}`, async () => {
          const container = this.#of(id);
          if (isAlive(container)) this.#end(container, { kind: "lost", exitCode: null, reason: "Released" }, false);
        }),
    };
  }

  alive(): Container[] {
    return [...this.containers.values()].filter(isAlive);
  }

  /** What hangs ends. */
  calm(): void {
    for (const container of this.#hanging) {
      if (isAlive(container)) this.#end(container, { kind: "exited", exitCode: 0, reason: "Completed" });
    }
  }

  /** What it runs is gone, and nobody is told at once. */
  vanish(container: Container): void {
    if (isAlive(container)) this.#end(container, { kind: "lost", exitCode: null, reason: "Vanished" });
  }

  /** A task, as a member of the pool answers it. */
  async post(member: RoutingMember, request: Request): Promise<Response> {
    const { time, random, faults, posted, answered } = this.#deps;
    const container = this.containers.get(member.deploymentId);
    const after = (ms: number) => new Promise<void>((resolve) => time.after(ms, resolve));
    await after(random.between(1, 20));
    if (container?.state !== "running") return refuse("not-ready");
    const { generation } = container;
    const [task, number] = [request.headers.get(TASK_HEADER) ?? "", Number(request.headers.get(TASK_TRY_HEADER))];
    posted(task, number);
    if (random.chance(faults.neverAnswers)) await new Promise(() => undefined);
    await after(random.chance(faults.answersLate) ? random.between(1_000, 90_000) : random.between(10, 2_000));
    if (container.state !== "running" || container.generation !== generation) return refuse("unreachable");
    if (random.chance(faults.answersBadly)) return new Response(null, { status: 500 });
    answered(task, number);
    return new Response(null, { status: 204 });
  }

  #of(id: string): Container {
    const known = this.containers.get(id);
    if (known !== undefined) return known;
    const made: Container = {
      id,
      generation: 0,
      state: "none",
      attempt: null,
      outcome: null,
      signalledAt: null,
      life: { alive: true },
    };
    this.containers.set(id, made);
    return made;
  }

  #launch(id: string, generation: number, attempt: SlotAttempt | null): InstanceAnswer {
    const { time, random, faults, begun } = this.#deps;
    const container = this.#of(id);
    if (generation <= container.generation) return answer(container);
    if (isAlive(container)) this.#end(container, { kind: "lost", exitCode: null, reason: "Replaced" }, false);
    Object.assign(container, { generation, state: "starting", attempt, outcome: null, signalledAt: null });
    this.starts += 1;
    if (random.chance(faults.startUnavailable)) {
      this.#end(container, { kind: "unavailable", exitCode: null, reason: "NoInstance" }, false);
      return answer(container);
    }
    const isCurrent = () => container.generation === generation && isAlive(container);
    time.after(random.between(50, BOOT_MS), () => {
      if (!isCurrent()) return;
      if (random.chance(faults.neverStarts)) {
        this.#end(container, { kind: "never-started", exitCode: null, reason: "NeverStarted" });
        return;
      }
      container.state = "running";
      begun(container);
      this.#tell(container, generation);
      if (container.attempt !== null) this.#run(container, isCurrent);
      else this.#look(container, isCurrent);
      if (random.chance(faults.vanishes)) {
        time.after(random.between(0, 60_000), () => {
          if (isCurrent()) this.vanish(container);
        });
      }
    });
    return answer(container);
  }

  #run(container: Container, isCurrent: () => boolean): void {
    const { time, random, faults } = this.#deps;
    if (random.chance(faults.hangs)) {
      this.#hanging.add(container);
      return;
    }
    const code = random.chance(faults.fails) ? random.between(1, 3) : 0;
    time.after(random.between(100, JOB_MS), () => {
      const reason = code === 0 ? "Completed" : "ExitedWithCode";
      if (isCurrent()) this.#end(container, { kind: "exited", exitCode: code, reason });
    });
  }

  /** It says how it is, as often as it is looked at. */
  #look(container: Container, isCurrent: () => boolean): void {
    this.#deps.time.after(LOOK_MS, () => {
      if (!isCurrent()) return;
      this.#tell(container, container.generation);
      this.#look(container, isCurrent);
    });
  }

  #stop(id: string, generation: number): InstanceAnswer {
    const { time, random, faults } = this.#deps;
    const container = this.#of(id);
    if (generation > container.generation) retire(container, generation, "Stopped");
    if (generation < container.generation || !isAlive(container) || container.signalledAt !== null)
      return answer(container);
    container.signalledAt = time.now;
    const isIgnored = random.chance(faults.ignoresTerm);
    time.after(isIgnored ? GRACE_MS : random.between(10, 500), () => {
      if (container.generation !== generation || !isAlive(container)) return;
      const code = isIgnored ? 137 : 143;
      const stop = {
        cordonedAt: 0,
        drain: null,
        drainedAt: null,
        inFlight: 0,
        cutOff: 0,
        sigtermAt: 0,
        sigkillAt: null,
      };
      this.#end(container, { kind: "stopped", exitCode: code, reason: "Stopped", stop });
    });
    return answer(container);
  }

  #end(container: Container, outcome: Ended, isTold = true): void {
    const { time, random, trace } = this.#deps;
    const { id, generation } = container;
    Object.assign(container, { state: "ended", outcome });
    trace(`${id}/${generation} has ended: ${outcome.reason} ${outcome.exitCode ?? ""}`);
    if (!isTold) return;
    time.after(outcome.kind === "lost" ? random.between(0, NOTICED_MS) : 0, () => this.#tell(container, generation));
  }

  /** Until it is heard, or another generation is what is told of. */
  #tell(container: Container, generation: number): void {
    if (container.generation !== generation) return;
    const { time, network, report } = this.#deps;
    const { id, life } = container;
    const said = reportOf(container);
    const isEnd = said.state === "ended";
    network
      .send(life, `report of ${id}/${generation}: ${said.state}`, async () => report(id, generation, said))
      .then(
        (isOwned) => {
          if (isOwned || isEnd || container.generation !== generation || !isAlive(container)) return;
          this.#end(container, { kind: "lost", exitCode: null, reason: "Disowned" }, false);
        },
        () => {
          // What it is by then.
          time.after(TELL_AGAIN_MS, () => {
            if (isEnd || isAlive(container)) this.#tell(container, generation);
          });
        },
      );
  }
}

function isAlive({ state }: Container): boolean {
  return state === "starting" || state === "running";
}

/** It has not been launched, and never will be. */
function retire(container: Container, generation: number, reason: string): void {
  if (isAlive(container)) return;
  const outcome: Ended = { kind: "stopped", exitCode: null, reason };
  Object.assign(container, { generation, state: "ended", attempt: null, outcome, signalledAt: null });
}

function answer(container: Container): InstanceAnswer {
  return { generation: container.generation, report: reportOf(container) };
}

function reportOf({ state, outcome, signalledAt }: Container): Report {
  if (state === "ended" && outcome !== null) return { state: "ended", outcome };
  if (state === "starting") return { state: "starting" };
  return signalledAt === null ? { state: "running", ready: true } : { state: "stopping" };
}
