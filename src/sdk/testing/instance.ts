/**
 * One instance without a container: asleep until it is called, then starting, ready, and stopped when it is told to. Time
 * is the test's.
 */
import type { ExecRequest, ExecResult, InstanceState, StartOptions, TerminalSession } from "./types.ts";
import type { TestApplication } from "./types.ts";
import type { EgressChange, EgressState, Snapshot } from "../binding.ts";
import { TestEgress } from "./egress.ts";

export type TestInstanceState = "sleeping" | "starting" | "ready" | "stopped";

const WIRE_STATES = { sleeping: "stopped", starting: "provisioning", ready: "running", stopped: "stopped" } as const;

export interface Refusal {
  /** Default `INSTANCE_NOT_READY`. */
  readonly code?: string;
  /** Default true. */
  readonly retryable?: boolean;
  readonly status?: number;
  readonly retryAfterMs?: number;
}

interface Ended {
  readonly reason: string;
  readonly exitCode: number | null;
}

export class TestInstance {
  readonly #application: TestApplication;
  readonly id: string;
  /** What `get` was called with; null for a member of the pool. */
  readonly name: string | null;
  /** Requests that got into the container. */
  received = 0;
  generation = 0;
  state: TestInstanceState = "sleeping";
  options: StartOptions = {};
  /** Newest first. */
  snapshots: readonly Snapshot[] = [];
  /** What `stop` was given. */
  readonly signals: (string | number)[] = [];
  inFlight = 0;
  lastActiveAt: number;
  readonly #egress: TestEgress;
  readonly #refusals: Required<Refusal>[] = [];
  #losses = 0;
  #since: number;
  #ended: Ended | null = null;
  readonly #coldStartRefusals: number;

  constructor(id: string, name: string | null, application: TestApplication, coldStartRefusals: number, now: number) {
    this.id = id;
    this.name = name;
    this.#application = application;
    this.#coldStartRefusals = coldStartRefusals;
    this.#egress = new TestEgress(application.egress);
    this.lastActiveAt = now;
    this.#since = now;
  }

  /** The next calls are refused before they get in. */
  refuseNext(count = 1, refusal: Refusal = {}): void {
    const { code = "INSTANCE_NOT_READY", retryable = true, status = 503, retryAfterMs = 0 } = refusal;
    for (let n = 0; n < count; n += 1) this.#refusals.push({ code, retryable, status, retryAfterMs });
  }

  /** The next calls get in, and the connection is lost before the answer. */
  loseNext(count = 1): void {
    this.#losses += count;
  }

  /** Who waits for readiness sees none of them. */
  forgetRefusals(): void {
    this.#refusals.length = 0;
  }

  nextRefusal(): Required<Refusal> | undefined {
    return this.#refusals.shift();
  }

  /** There is no disk: what is kept is that it was taken. */
  snapshot(name: string, now: number): Snapshot {
    const id = `${this.id.slice(0, 32)}-${this.generation}`;
    const taken: Snapshot = { id, size: 0, name, createdAt: now };
    this.forget(name);
    this.snapshots = [taken, ...this.snapshots];
    return taken;
  }

  forget(name: string): void {
    this.snapshots = this.snapshots.filter((snapshot) => snapshot.name !== name);
  }

  /** Throws when there is no such snapshot. */
  restore(name: string): void {
    if (this.snapshots.some((snapshot) => snapshot.name === name)) return;
    const message = `${this.name ?? this.id} has no snapshot ${name}`;
    const known = this.snapshots.map((snapshot) => snapshot.name);
    const details = { snapshot: name, known };
    throw Object.assign(new Error(message), {
      name: "GantryError",
      code: "SNAPSHOT_NOT_FOUND",
      retryable: false,
      details,
    });
  }

  /**
   * Whether its policy lets it ask for that, changes of its handle included. Requests of a test's code are its own and are
   * not stopped: this is for assertions.
   */
  mayReach(url: string | URL, method = "GET"): boolean {
    return this.#egress.mayReach(String(url), method);
  }

  changeEgress(change: EgressChange): void {
    this.#egress.change(change);
  }

  resetEgress(): void {
    this.#egress.reset();
  }

  describeEgress(): EgressState {
    return this.#egress.describe(this.isRunning);
  }

  get isRunning(): boolean {
    return this.state === "starting" || this.state === "ready";
  }

  /** A call or `start` wakes it. Cold-start refusals come with each start, until the last of them makes it ready. */
  wake(now: number): void {
    if (this.isRunning) return;
    this.generation += 1;
    this.#ended = null;
    this.#enter("starting", now);
    for (let n = 0; n < this.#coldStartRefusals; n += 1) this.refuseNext();
  }

  ready(now: number): void {
    if (this.state === "starting") this.#enter("ready", now);
  }

  stop(now: number, reason = "Stopped", exitCode: number | null = 0): void {
    if (!this.isRunning) return;
    this.#ended = { reason, exitCode };
    this.#enter("stopped", now);
  }

  /** Idle for long enough. */
  sleep(now: number): void {
    if (!this.isRunning) return;
    this.#ended = { reason: "Idle", exitCode: 0 };
    this.#enter("sleeping", now);
  }

  async fetch(request: Request, port: number, now: () => number): Promise<Response> {
    this.received += 1;
    this.inFlight += 1;
    try {
      const { id, name, generation, options } = this;
      const response = await this.#application.fetch(request, {
        id: name ?? id,
        port,
        instance: id,
        generation,
        env: options.env ?? {},
      });
      if (this.#losses === 0) return response;
      this.#losses -= 1;
      await response.body?.cancel();
      throw new Error("Network connection lost.");
    } finally {
      this.inFlight -= 1;
      this.lastActiveAt = now();
    }
  }

  get exec(): ((request: ExecRequest, instance: TestInstance) => ExecResult | Promise<ExecResult>) | undefined {
    return this.#application.exec;
  }

  get terminal(): ((session: TerminalSession) => void) | undefined {
    return this.#application.terminal;
  }

  describe(): InstanceState {
    const { generation, name, id } = this;
    const isNew = generation === 0;
    return {
      name: name ?? id,
      state: isNew ? "absent" : WIRE_STATES[this.state],
      ready: this.state === "ready",
      reason: this.#ended?.reason ?? null,
      exitCode: this.#ended?.exitCode ?? null,
      generation,
      version: isNew ? 0 : 1,
      since: isNew ? 0 : this.#since,
      instance: isNew ? null : id,
    };
  }

  #enter(state: TestInstanceState, now: number): void {
    this.state = state;
    this.#since = now;
    this.lastActiveAt = now;
  }
}
