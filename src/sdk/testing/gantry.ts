/**
 * The entrypoint `Gantry` without a control plane: the same addresses, headers, refusals and RPC, over handlers in
 * memory. Its errors have no class, as those that cross RPC.
 */
import {
  ERROR_HEADER,
  type EgressChange,
  type EgressState,
  GANTRY_ORIGIN,
  INSTANCE_HEADER,
  RETRYABLE_HEADER,
  type GantryBinding,
  type GantryRpc,
  type Snapshot,
  type SnapshotOptions,
  type StopOptions,
} from "../binding.ts";
import { readAddress, type Addressed } from "./address.ts";
import { TestInstance, type Refusal } from "./instance.ts";
import { acceptUpgrade } from "./sockets.ts";
import { serveTerminal } from "./terminal-session.ts";
import type { ExecRequest, ExecResult, InstanceState, StartOptions, TestApplication } from "./types.ts";

export interface TestGantryOptions {
  /** Members of each pool. Default 3. */
  readonly instances?: number;
  /** How many calls each start refuses before it is ready. Default 0. */
  readonly coldStartRefusals?: number;
  /** Default 8080. */
  readonly defaultPort?: number;
  /** Default 10 min. */
  readonly sleepAfterMs?: number;
}

const DEFAULTS = { instances: 3, coldStartRefusals: 0, defaultPort: 8_080, sleepAfterMs: 600_000 } as const;

interface Hosted {
  readonly application: TestApplication;
  readonly pool: readonly TestInstance[];
  readonly named: Map<string, TestInstance>;
  /** Whose turn it is in the pool. */
  turn: number;
  /** How many named ones are gone. */
  destroyed: number;
}

export class TestGantry implements GantryBinding, GantryRpc {
  /** What calls have waited between their tries, in milliseconds of the test's time. */
  readonly pauses: number[] = [];
  readonly #options: Required<TestGantryOptions>;
  readonly #hosted: ReadonlyMap<string, Hosted>;
  #now = 0;

  constructor(applications: ReadonlyMap<string, TestApplication>, options: TestGantryOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
    const hosted = [...applications].map(([name, application]): [string, Hosted] => {
      const pool = Array.from({ length: this.#options.instances }, (_, n) =>
        this.#make(name, application, `#${n}`, null),
      );
      return [name, { application, pool, named: new Map(), turn: 0, destroyed: 0 }];
    });
    this.#hosted = new Map(hosted);
  }

  /** The instance of an id, made where it was not called yet. */
  instance(application: string, id: string): TestInstance {
    const hosted = this.#find(application);
    const known = hosted.named.get(id);
    if (known !== undefined) return known;
    // One that is made after another was destroyed is another one.
    const made = this.#make(application, hosted.application, `@${id}@${hosted.destroyed}`, id);
    hosted.named.set(id, made);
    return made;
  }

  pool(application: string): readonly TestInstance[] {
    return this.#find(application).pool;
  }

  /** Time passes: idle named instances go to sleep. */
  advance(ms: number): void {
    this.#now += ms;
    for (const { named } of this.#hosted.values()) {
      for (const instance of named.values()) {
        const isIdle = instance.inFlight === 0 && this.#now - instance.lastActiveAt >= this.#options.sleepAfterMs;
        if (isIdle) instance.sleep(this.#now);
      }
    }
  }

  readonly now = (): number => this.#now;

  /** Waits in the test's time. */
  readonly sleep = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    this.pauses.push(ms);
    this.advance(ms);
    await Promise.resolve();
    signal?.throwIfAborted();
  };

  async fetch(request: Request): Promise<Response> {
    const address = readAddress(request);
    if (address === null) return refuse({ code: "VALIDATE_INPUT", retryable: false, status: 400 });
    if (!this.#hosted.has(address.application)) {
      return refuse({ code: "APPLICATION_NOT_FOUND", retryable: false, status: 404 });
    }
    const instance = this.#choose(address);
    if (instance === undefined) return refuse({ code: "NO_OTHER_INSTANCE", retryable: false, status: 503 });
    instance.wake(this.#now);
    const refusal = instance.nextRefusal();
    if (refusal !== undefined) return refuse(refusal, instance.id);
    instance.ready(this.#now);
    if (address.call.mode === "terminal") return this.#terminal(instance);
    const port = address.port ?? this.#options.defaultPort;
    const answer = await instance.fetch(inside(request, address), port, this.now);
    return stamped(answer, instance.id);
  }

  async start(application: string, id: string, options: StartOptions): Promise<InstanceState> {
    const instance = this.#known(application, id);
    const given = givenIn(options);
    const differs = given.length === 0 ? [] : differing(options, instance.options);
    if (instance.isRunning && differs.length > 0) {
      const message = `instance ${id} runs, or is being started, with another ${differs.join(", ")}: stop it first, or destroy it`;
      throw fault("START_CONFLICT", message, { instance_name: id, differs });
    }
    if (options.snapshot !== undefined) instance.restore(options.snapshot);
    if (given.length > 0) instance.options = options;
    instance.wake(this.#now);
    instance.forgetRefusals();
    instance.ready(this.#now);
    return instance.describe();
  }

  async stop(application: string, id: string, { signal = "SIGTERM" }: StopOptions = {}): Promise<InstanceState> {
    const instance = this.#known(application, id);
    if (typeof signal === "number" ? !(signal >= 1 && signal <= 64) : !SIGNALS.has(signal)) {
      const reason = `must be a number from 1 to 64, or one of ${[...SIGNALS].join(", ")}`;
      throw fault("VALIDATE_INPUT", `signal: ${reason}`, { signal: reason });
    }
    if (instance.isRunning) instance.signals.push(signal);
    instance.stop(this.#now);
    return instance.describe();
  }

  async destroy(application: string, id: string): Promise<void> {
    const hosted = this.#find(application);
    hosted.named.delete(id);
    hosted.destroyed += 1;
  }

  async getState(application: string, id: string): Promise<InstanceState> {
    return this.#known(application, id).describe();
  }

  async renewActivityTimeout(application: string, id: string): Promise<void> {
    this.#known(application, id).lastActiveAt = this.#now;
  }

  async snapshot(application: string, id: string, { name = "latest" }: SnapshotOptions): Promise<Snapshot> {
    return this.#running(application, id).snapshot(name, this.#now);
  }

  async listSnapshots(application: string, id: string): Promise<Snapshot[]> {
    return [...this.#known(application, id).snapshots];
  }

  async deleteSnapshot(application: string, id: string, name: string): Promise<void> {
    const instance = this.#known(application, id);
    if (instance.options.snapshot === name) {
      throw fault("SNAPSHOT_IN_USE", `instance ${id} starts from snapshot ${name}`, { snapshot: name });
    }
    instance.forget(name);
  }

  async exec(application: string, id: string, request: ExecRequest): Promise<ExecResult> {
    const instance = this.#known(application, id);
    instance.wake(this.#now);
    instance.ready(this.#now);
    if (instance.exec === undefined) {
      throw fault("NOT_SUPPORTED", `the test's application ${application} has no exec: give { fetch, exec }`);
    }
    return await instance.exec(request, instance);
  }

  async egressOf(application: string, id: string): Promise<EgressState> {
    return this.#known(application, id).describeEgress();
  }

  async changeEgress(application: string, id: string, change: EgressChange): Promise<EgressState> {
    const instance = this.#known(application, id);
    instance.changeEgress(change);
    if (instance.generation === 0) {
      instance.wake(this.#now);
      instance.ready(this.#now);
    }
    return instance.describeEgress();
  }

  async resetEgress(application: string, id: string): Promise<EgressState> {
    const instance = this.#known(application, id);
    instance.resetEgress();
    return instance.describeEgress();
  }

  #terminal(instance: TestInstance): Response {
    const { terminal } = instance;
    if (terminal === undefined) return refuse({ code: "NOT_SUPPORTED", retryable: false, status: 501 }, instance.id);
    const { response, socket } = acceptUpgrade();
    serveTerminal(socket, terminal);
    return stamped(response, instance.id);
  }

  #choose({ application, id, call }: Addressed): TestInstance | undefined {
    if (id !== undefined) return this.instance(application, id);
    const hosted = this.#find(application);
    const excluded = new Set(call.exclude);
    const members = hosted.pool.slice(0, call.size).filter((member) => !excluded.has(member.id));
    hosted.turn += 1;
    return members[(hosted.turn - 1) % members.length];
  }

  #make(name: string, application: TestApplication, key: string, id: string | null): TestInstance {
    return new TestInstance(hexOf(`${name}${key}`), id, application, this.#options.coldStartRefusals, this.#now);
  }

  #known(application: string, id: string): TestInstance {
    this.#find(application);
    return this.instance(application, id);
  }

  #running(application: string, id: string): TestInstance {
    const instance = this.#known(application, id);
    if (instance.isRunning) return instance;
    throw fault("INSTANCE_NOT_RUNNING", `instance ${id} of ${application} is ${instance.state}`);
  }

  #find(application: string): Hosted {
    const hosted = this.#hosted.get(application);
    if (hosted === undefined) throw fault("APPLICATION_NOT_FOUND", `there is no application ${application}`);
    return hosted;
  }
}

/** The request as the container gets it. */
function inside(request: Request, { path }: Addressed): Request {
  const next = new Request(`${GANTRY_ORIGIN}${path}`, request);
  next.headers.delete("gantry-call");
  return next;
}

function stamped(response: Response, instance: string): Response {
  const headers = new Headers(response.headers);
  for (const name of [ERROR_HEADER, RETRYABLE_HEADER]) headers.delete(name);
  headers.set(INSTANCE_HEADER, instance);
  // A socket and its status exist on this one object only.
  Object.defineProperty(response, "headers", { value: headers });
  return response;
}

function refuse(
  { code = "INTERNAL", retryable = true, status = 503, retryAfterMs = 0 }: Refusal,
  instance?: string,
): Response {
  const message = `refused by the test: ${code}`;
  const headers = new Headers({ [ERROR_HEADER]: code, [RETRYABLE_HEADER]: String(retryable) });
  if (retryAfterMs > 0) headers.set("retry-after", String(Math.ceil(retryAfterMs / 1_000)));
  if (instance !== undefined) headers.set(INSTANCE_HEADER, instance);
  const errors = [{ code: 1000, message, error: code, retryable, details: { reason: message } }];
  return Response.json({ success: false, errors, messages: [], result: null }, { status, headers });
}

/** As it looks after RPC: name, message and fields, and no class. */
function fault(code: string, message: string, details: Record<string, unknown> = { reason: message }): Error {
  return Object.assign(new Error(message), { name: "GantryError", code, retryable: false, details });
}

const SIGNALS: ReadonlySet<string> = new Set([
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGKILL",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTERM",
]);

/** Options of `start`, by the names that errors have for them. */
const OPTIONS = { env: "env", image: "image", instance_type: "instanceType", snapshot: "snapshot" } as const;

function givenIn(options: StartOptions): string[] {
  return Object.entries(OPTIONS).flatMap(([field, key]) => (options[key] === undefined ? [] : [field]));
}

function differing(a: StartOptions, b: StartOptions): string[] {
  return Object.entries(OPTIONS).flatMap(([field, key]) => (canonical(a[key]) === canonical(b[key]) ? [] : [field]));
}

function canonical(option: string | Readonly<Record<string, string>> | undefined): string {
  const isText = option === undefined || typeof option === "string";
  const value = isText ? (option ?? null) : Object.entries(option).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(value);
}

/** 64 hex digits that are the same for the same text (FNV-1a, eight times). */
function hexOf(text: string): string {
  let digits = "";
  for (let part = 0; part < 8; part += 1) {
    let hash = 0x811c9dc5 ^ part;
    for (const byte of new TextEncoder().encode(`${part}${text}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    digits += hash.toString(16).padStart(8, "0");
  }
  return digits;
}
