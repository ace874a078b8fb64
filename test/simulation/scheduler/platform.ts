/**
 * One container of the faulty platform: `running` before anything boots, starts that are refused, that never boot or never
 * run, processes that exit or vanish without a word, networks that die, stops that are ignored, ends told late.
 */
import { REGIONS } from "../../src/orchestrator/placement/location.ts";
import type { ContainerPort, Executed, StartOptions } from "../../src/containers/port.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./time.ts";

/** How often each fault happens; all 0 once faults have stopped. */
export interface Faults {
  refusedStart: number;
  neverBoots: number;
  neverStarts: number;
  exits: number;
  vanishes: number;
  networkDies: number;
  /** Answers badly for a while. */
  fallsIll: number;
  ignoresSigterm: number;
  /** What a launch needs is not there. */
  prepareRefused: number;
  messageLost: number;
  /** A container runs elsewhere than it was asked to. */
  wrongPlace: number;
  /** It cannot be asked where it runs. */
  execFails: number;
  answerLost: number;
  messageTwice: number;
  crash: number;
}

interface Placement {
  readonly options: StartOptions;
  readonly ended: PromiseWithResolvers<void>;
  listensAt: number;
  illFrom: number;
  illUntil: number;
  isOver: boolean;
}

class ExitError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`Container exited with unexpected exit code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const NEVER = Number.POSITIVE_INFINITY;

export class SimulatedContainer implements ContainerPort {
  readonly images = { app: "local/app:1", broken: "local/broken:1" };
  starts = 0;
  #placement: Placement | null = null;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: Faults;

  constructor(time: VirtualTime, random: Random, faults: Faults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  get running(): boolean {
    return this.#placement !== null;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#placement?.options.labels ?? {};
  }

  start(options: StartOptions): void {
    if (this.running) throw new Error("start() cannot be called on a container that is already running.");
    const random = this.#random;
    const faults = this.#faults;
    if (random.chance(faults.refusedStart)) {
      throw new Error("there is no container instance that can be provided to this durable object");
    }
    this.starts += 1;
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined);
    const placement: Placement = {
      options,
      ended,
      listensAt: this.#time.now + random.between(5, 3_000),
      illFrom: NEVER,
      illUntil: NEVER,
      isOver: false,
    };
    this.#placement = placement;
    if (options.image === this.images.broken) {
      placement.listensAt = NEVER;
      if (random.chance(0.7)) this.#endIn(random.between(0, 5_000), placement, new ExitError(1));
    } else if (random.chance(faults.neverBoots)) {
      placement.listensAt = NEVER;
      this.#endIn(random.between(0, 500), placement, new Error("Container failed to start"));
    } else if (random.chance(faults.neverStarts)) {
      placement.listensAt = NEVER;
    } else if (random.chance(faults.exits)) {
      this.#endIn(random.between(0, 200_000), placement, new ExitError(random.between(1, 255)));
    } else if (random.chance(faults.vanishes)) {
      this.#time.after(random.between(0, 200_000), () => this.#vanish(placement));
    } else if (random.chance(faults.fallsIll)) {
      placement.illFrom = this.#time.now + (random.chance(0.3) ? 0 : random.between(0, 200_000));
      placement.illUntil = placement.illFrom + random.between(0, 120_000);
    } else if (random.chance(faults.networkDies)) {
      this.#time.after(random.between(0, 200_000), () => (placement.listensAt = NEVER));
    }
  }

  monitor(): Promise<void> {
    return this.#placement?.ended.promise ?? Promise.reject(new Error("monitor() of a container that is not running"));
  }

  async destroy(): Promise<void> {
    if (this.#placement !== null) this.#end(this.#placement, new ExitError(137));
  }

  signal(): void {
    const placement = this.#placement;
    if (placement === null) throw new Error("signal() of a container that is not running");
    if (!this.#random.chance(this.#faults.ignoresSigterm)) this.#endIn(this.#random.between(0, 3_000), placement, null);
  }

  async inspect(): Promise<{ labels: Readonly<Record<string, string>> } | null> {
    return this.#placement === null ? null : { labels: this.#placement.options.labels };
  }

  async setInactivityTimeout(): Promise<void> {}

  async fetch(): Promise<Response> {
    if (!this.#listens()) throw new Error("The container is not listening");
    const { now } = this.#time;
    const isIll = this.#placement !== null && now >= this.#placement.illFrom && now < this.#placement.illUntil;
    return new Response("ok", { status: isIll ? 500 : 200 });
  }

  async accepts(): Promise<boolean> {
    return this.#listens();
  }

  async exec(): Promise<Executed> {
    const placement = this.#placement;
    if (placement === null) throw new Error("exec() of a container that is not running");
    if (this.#random.chance(this.#faults.execFails)) throw new Error("no shell to be had");
    const asked = (placement.options.env["GANTRY_LOCATION"] ?? "").slice(0, 4).toUpperCase();
    const region = this.#random.chance(this.#faults.wrongPlace) ? this.#random.pick(REGIONS) : asked;
    return { exitCode: 0, output: region === "" ? "" : `CLOUDFLARE_REGION=${region}` };
  }

  #listens(): boolean {
    return this.#placement !== null && this.#time.now >= this.#placement.listensAt;
  }

  #endIn(ms: number, placement: Placement, error: Error | null): void {
    this.#time.after(ms, () => this.#end(placement, error));
  }

  #vanish(placement: Placement): void {
    if (this.#placement === placement) this.#placement = null;
  }

  #end(placement: Placement, error: Error | null): void {
    if (this.#placement !== placement) return;
    this.#placement = null;
    // Told late, sometimes after the next start.
    this.#time.after(this.#random.between(0, 2_000), () => {
      if (error === null) placement.ended.resolve();
      else placement.ended.reject(error);
    });
  }
}
