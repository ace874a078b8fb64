/**
 * One container of the faulty platform: `running` before anything boots, starts that are refused or whose outcome nobody
 * knows, that never boot or never run, processes that exit or vanish without a word, networks that die, stops that are
 * ignored, ends told late. It remembers what really became of each placement.
 */
import { REGIONS } from "../../../src/orchestrator/placement/location.ts";
import { REVISION_LABEL } from "../../../src/containers/launch-options.ts";
import type { ContainerPort, Executed, StartOptions, Printed } from "../../../src/containers/port.ts";
import type { Random } from "../random.ts";
import type { Deadline, VirtualTime } from "../engine/time.ts";
import type { Faults } from "./faults.ts";
import { KILLED, SimulatedCommand } from "./jobs/command.ts";

export const IMAGES = {
  app: "local/app:1",
  broken: "local/broken:1",
  crashing: "local/crashing:1",
  flaky: "local/flaky:1",
} as const;

/** What really became of a placement. */
export type Fate =
  | { readonly type: "runs" }
  | { readonly type: "exited"; readonly code: number }
  | { readonly type: "unbootable" }
  | { readonly type: "vanished" }
  | { readonly type: "destroyed" };

interface Placement {
  readonly options: StartOptions;
  labels: Readonly<Record<string, string>>;
  readonly ended: PromiseWithResolvers<void>;
  /** Nothing of it is left, whoever knows. */
  readonly gone: PromiseWithResolvers<null>;
  readonly startedAt: number;
  /** Of a job. */
  readonly command: SimulatedCommand | null;
  listensAt: number;
  isNetworkDead: boolean;
  hasAnswered: boolean;
  /** From, until, and whether it answers badly or not at all. */
  trouble: { readonly from: number; readonly until: number; readonly kind: "ill" | "flaps" | "hangs" } | null;
}

class ExitError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`Container exited with unexpected exit code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const NEVER = Number.POSITIVE_INFINITY;
/** Something happens to a container within this time, or not at all. */
const LIFE_MS = 90_000;
const FLAP_MS = 7_000;
/** How long what a command has printed may take. */
const LATE_MS = 30_000;
const REFUSALS = [
  "there is no container instance that can be provided to this durable object",
  "you are starting too many containers per second",
  "Maximum number of running container instances exceeded",
] as const;
const UNKNOWN = [
  "Network connection lost.",
  "internal error; reference = 1",
  "the moon is in the wrong phase",
] as const;

export class SimulatedContainer implements ContainerPort {
  readonly images = IMAGES;
  starts = 0;
  /** Grows whenever something about what runs changes. */
  changes = 0;
  /** By generation. */
  readonly fates = new Map<number, Fate>();
  /** With which the commands of jobs ended, and whose end an instance has read; by generation. */
  readonly codes = new Map<number, number>();
  readonly fetched = new Set<number>();
  /** When the container of a job was last sent a signal. */
  signalledAt = -1;
  /** Nothing that is still to come to what runs will. */
  isCalm = false;
  #placement: Placement | null = null;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: Faults;
  readonly #tell: (line: string) => void;

  constructor(time: VirtualTime, random: Random, faults: Faults, tell: (line: string) => void) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
    this.#tell = tell;
  }

  get running(): boolean {
    return this.#placement !== null;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#placement?.labels ?? {};
  }

  /** Of what runs; 0 when nothing does. */
  get generation(): number {
    return Number(this.labels["gantry.gen"] ?? 0);
  }

  /** It has answered, and never will again. One that nobody heard may be taken for one that never listens. */
  get isNetworkDead(): boolean {
    return this.#placement?.isNetworkDead === true && this.#placement.hasAnswered;
  }

  get isListening(): boolean {
    return this.#placement !== null && this.#time.now >= this.#placement.listensAt;
  }

  /** Of what runs; null when that is for no job. */
  get command(): SimulatedCommand | null {
    return this.#placement?.command ?? null;
  }

  get startedAt(): number {
    return this.#placement?.startedAt ?? 0;
  }

  /** As it is to be told: a command that has ended has, whatever becomes of its container. */
  fateOf(generation: number): Fate | undefined {
    const code = this.codes.get(generation);
    return code === undefined ? this.fates.get(generation) : { type: "exited", code };
  }

  /** What watches the command of a job until that has ended, or kills it. */
  async run(command: readonly string[], onBegun?: () => void): Promise<Printed> {
    const random = this.#random;
    const placement = this.#placement;
    const own = placement?.command ?? null;
    if (placement === null || own === null || !own.task.hasShell) throw new Error("there is no shell");
    if (random.chance(this.#faults.watchFails)) {
      await this.#pause(2_000);
      throw new Error(random.pick(UNKNOWN));
    }
    if (random.chance(this.#faults.watchHangs)) return await new Promise<never>(() => undefined);
    if (command.at(-1) === "kill") own.end(KILLED);
    const outcome = Promise.race([own.outcome(onBegun), placement.gone.promise]);
    const printed = await outcome;
    await this.#pause(random.chance(this.#faults.watchLate) ? LATE_MS : 50);
    if (printed === null || this.#placement !== placement) throw new Error(UNKNOWN[0]);
    return printed;
  }

  async #pause(mostMs: number): Promise<void> {
    await new Promise<void>((resolve) => this.#time.after(this.#random.between(0, mostMs), resolve));
  }

  async intercept(): Promise<void> {}

  start(options: StartOptions): void {
    if (this.running) throw new Error("start() cannot be called on a container that is already running.");
    const random = this.#random;
    const faults = this.#faults;
    if (random.chance(faults.refusedStart)) throw new Error(random.pick(REFUSALS));
    if (!random.chance(faults.unknownStart)) {
      this.#run(options);
      return;
    }
    if (random.chance(0.5)) this.#run(options);
    throw new Error(random.pick(UNKNOWN));
  }

  monitor(): Promise<void> {
    const placement = this.#placement;
    if (placement === null)
      return Promise.reject(new Error("monitor() cannot be called on a container that is not running"));
    const { ended } = placement;
    if (!this.#random.chance(this.#faults.monitorFails)) return ended.promise;
    const failure = Promise.withResolvers<void>();
    const error = new Error(this.#random.pick(UNKNOWN));
    this.#later(() => failure.reject(error));
    return Promise.race([ended.promise, failure.promise]);
  }

  async destroy(): Promise<void> {
    if (this.#random.chance(this.#faults.destroyFails)) {
      if (this.#random.chance(0.5)) this.#destroy();
      throw new Error(this.#random.pick(UNKNOWN));
    }
    this.#destroy();
  }

  signal(): void {
    const placement = this.#placement;
    if (placement === null) throw new Error("signal() of a container that is not running");
    if (placement.command !== null) {
      this.changes += 1;
      this.signalledAt = this.#time.now;
    }
    if (this.#random.chance(this.#faults.ignoresSigterm)) return;
    if (placement.command !== null) {
      placement.command.signal();
      return;
    }
    this.#time.after(this.#random.between(0, 3_000), () => this.#end(placement, { type: "exited", code: 0 }));
  }

  async inspect(): Promise<{ labels: Readonly<Record<string, string>> } | null> {
    if (this.#random.chance(this.#faults.inspectFails)) throw new Error("inspect() failed");
    return this.#placement === null ? null : { labels: this.#placement.labels };
  }

  async setInactivityTimeout(): Promise<void> {}

  fetch(_port: number, request: Request): Promise<Response> {
    if (this.#placement === null || !this.isListening) return Promise.reject(NOT_LISTENING);
    this.#placement.hasAnswered = true;
    const trouble = this.#troubleNow();
    if (trouble !== "hangs") return Promise.resolve(trouble === null ? OK : ILL);
    // `Request` stands for itself here: it carries the signal that it was made with.
    const deadline = request.signal as unknown as Deadline;
    const { promise, reject } = Promise.withResolvers<Response>();
    this.#time.after(deadline.at - this.#time.now, () => {
      deadline.aborted = true;
      reject(NOT_LISTENING);
    });
    return promise;
  }

  async accepts(): Promise<boolean> {
    if (this.#placement !== null && this.isListening) this.#placement.hasAnswered = true;
    return this.isListening;
  }

  async exec(): Promise<Executed> {
    const placement = this.#placement;
    if (placement === null) throw new Error("exec() of a container that is not running");
    if (this.#random.chance(this.#faults.execFails)) throw new Error("no shell to be had");
    if (placement.command?.hasBegun === false) throw new Error("nothing runs inside yet");
    const asked = (placement.options.env["GANTRY_LOCATION"] ?? "").slice(0, 4).toUpperCase();
    const region = this.#random.chance(this.#faults.wrongPlace) ? this.#random.pick(REGIONS) : asked;
    return { exitCode: 0, output: region === "" ? "" : `CLOUDFLARE_REGION=${region}` };
  }

  #run(options: StartOptions): void {
    const random = this.#random;
    const faults = this.#faults;
    const { now } = this.#time;
    this.starts += 1;
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined);
    const listensAt = now + (random.chance(faults.slowStart) ? random.between(0, 150_000) : random.between(5, 300));
    const placement: Placement = {
      options,
      labels: options.labels,
      ended,
      gone: Promise.withResolvers<null>(),
      startedAt: now,
      command: options.env["GANTRY_JOB"] === undefined ? null : this.#commandOf(options, () => placement),
      listensAt,
      isNetworkDead: false,
      hasAnswered: false,
      trouble: null,
    };
    this.#placement = placement;
    this.#note(placement, { type: "runs" }, "runs");
    const { command } = placement;
    if (command?.isWrapped === true && !command.task.hasShell) {
      this.#time.after(random.between(0, 500), () => this.#end(placement, { type: "unbootable" }));
    } else if (options.image === IMAGES.broken && command === null) {
      placement.listensAt = NEVER;
      if (random.chance(0.7)) {
        this.#time.after(random.between(0, LIFE_MS), () => this.#end(placement, { type: "exited", code: 1 }));
      }
    } else if (random.chance(faults.neverBoots)) {
      placement.listensAt = NEVER;
      this.#time.after(random.between(0, 500), () => this.#end(placement, { type: "unbootable" }));
    } else if (random.chance(faults.neverStarts)) {
      placement.listensAt = NEVER;
    } else if (options.image === IMAGES.crashing && command === null) {
      this.#time.after(random.between(1_000, LIFE_MS), () => this.#end(placement, { type: "exited", code: 1 }));
    } else if (options.image === IMAGES.flaky && command === null && random.chance(0.7)) {
      const kind = random.pick(["ill", "flaps", "hangs"] as const);
      placement.trouble = { from: now + random.between(0, LIFE_MS), until: now + 3 * LIFE_MS, kind };
    } else if (command !== null) {
      this.#time.after(listensAt - now, () => this.#placement === placement && command.begin(this.isCalm));
      placement.listensAt = NEVER;
      if (random.chance(faults.vanishes)) this.#later(() => this.#end(placement, { type: "vanished" }));
    } else if (random.chance(faults.exits)) {
      const code = random.chance(0.2) ? 0 : random.between(1, 136);
      this.#later(() => this.#end(placement, { type: "exited", code }));
    } else if (random.chance(faults.vanishes)) {
      this.#later(() => this.#end(placement, { type: "vanished" }));
    } else if (random.chance(faults.networkDies)) {
      this.#later(() => {
        Object.assign(placement, { listensAt: NEVER, isNetworkDead: true });
      });
    } else {
      this.#mayHaveTrouble(placement);
    }
    if (random.chance(faults.wrongImage)) {
      this.#later(() => {
        placement.labels = { ...placement.labels, [REVISION_LABEL]: "another" };
        this.changes += 1;
      });
    }
  }

  #commandOf(options: StartOptions, placement: () => Placement): SimulatedCommand {
    const generation = Number(options.labels["gantry.gen"]);
    return new SimulatedCommand(options, {
      time: this.#time,
      random: this.#random,
      onEnded: (code) => {
        if (this.#placement !== placement()) return;
        this.changes += 1;
        this.codes.set(generation, code);
        this.#tell(`command of placement ${generation} ends with ${code}`);
      },
      exit: (code) => this.#end(placement(), { type: "exited", code }),
    });
  }

  #mayHaveTrouble(placement: Placement): void {
    const random = this.#random;
    for (const [kind, probability] of [
      ["ill", this.#faults.fallsIll],
      ["flaps", this.#faults.flaps],
      ["hangs", this.#faults.hangs],
    ] as const) {
      if (!random.chance(probability)) continue;
      const from = this.#time.now + (random.chance(0.3) ? 0 : random.between(0, LIFE_MS));
      placement.trouble = { from, until: from + random.between(0, 2 * LIFE_MS), kind };
      return;
    }
  }

  #later(happen: () => void): void {
    this.#time.after(this.#random.between(0, LIFE_MS), () => {
      if (!this.isCalm) happen();
    });
  }

  #troubleNow(): "ill" | "hangs" | null {
    if (this.isCalm) return null;
    const trouble = this.#placement?.trouble ?? null;
    const { now } = this.#time;
    if (trouble === null || now < trouble.from || now >= trouble.until) return null;
    if (trouble.kind !== "flaps") return trouble.kind;
    return Math.floor((now - trouble.from) / FLAP_MS) % 2 === 0 ? "ill" : null;
  }

  #destroy(): void {
    if (this.#placement !== null) this.#end(this.#placement, { type: "destroyed" });
  }

  #end(placement: Placement, fate: Fate): void {
    if (this.#placement !== placement) return;
    this.#placement = null;
    placement.gone.resolve(null);
    this.#note(placement, fate, fate.type === "exited" ? `exits with ${fate.code}` : `is ${fate.type}`);
    if (fate.type === "vanished") return;
    // Told late, sometimes after the next start.
    this.#time.after(this.#random.between(0, 2_000), () => {
      if (fate.type === "exited" && fate.code === 0) placement.ended.resolve();
      else placement.ended.reject(errorOf(fate));
    });
  }

  #note({ labels }: Placement, fate: Fate, what: string): void {
    this.changes += 1;
    const generation = labels["gantry.gen"];
    this.fates.set(Number(generation), fate);
    this.#tell(`container of placement ${generation} ${what}`);
  }
}

function errorOf(fate: Fate): Error {
  if (fate.type === "unbootable") return new Error("Container failed to start");
  return new ExitError(fate.type === "exited" ? fate.code : 137);
}

const NOT_LISTENING = new Error("The container is not listening");
// As much of an answer as a probe reads: making real ones costs most of a run.
const OK = { status: 200, body: null } as unknown as Response;
const ILL = { status: 500, body: null } as unknown as Response;

/** In the place of `Request` while a simulation runs: real ones cost most of a run, and nobody reads more of them. */
export class ProbeRequest {
  readonly signal: unknown;
  constructor(_url: string, { signal }: { readonly signal?: unknown } = {}) {
    this.signal = signal;
  }
}
