/**
 * A container platform in memory that reproduces the real one's hazards: `running` is true at once for what never
 * boots, ends are told late, a vanished container tells nothing, a dead network leaves `running` true. The image's name
 * says how a container behaves, its variable `ANSWERS` with what (`/health=503 /ready=404`); tests reach in for the rest.
 */
import type { Workload } from "../../src/bridge/workload.ts";
import type {
  CommandPort,
  ContainerPort,
  Executed,
  Process,
  Printed,
  SpawnOptions,
  StartOptions,
} from "../../src/containers/port.ts";

import type { Reach } from "../../src/egress/policy/reach.ts";
import { PROOF_ADDRESS, proofOf } from "../../src/egress/proof.ts";
import { fakeCommand, fakePrinted, type FakeCommand } from "./fake-command.ts";
import type { Connection } from "../../src/containers/tunnel.ts";
import { fakeConnection } from "./fake-connection.ts";
import { fakeReading, type FakeInit } from "./fake-init.ts";

/** Image name → reference, as `ctx.container.images`. */
const IMAGES = {
  "hello-world": "local/hello-world:1",
  "never-boots": "local/never-boots:1",
  "never-starts": "local/never-starts:1",
  "exits-3": "local/exits-3:1",
  "exits-0": "local/exits-0:1",
  "ignores-sigterm": "local/ignores-sigterm:1",
  "refused-by-platform": "local/refused-by-platform:1",
  "rate-limited": "local/rate-limited:1",
  "too-many-instances": "local/too-many-instances:1",
  "says-something-new": "local/says-something-new:1",
} as const;

/** What the platform says instead of starting something. */
const REFUSALS: Readonly<Record<string, string>> = {
  [IMAGES["refused-by-platform"]]: "there is no container instance that can be provided to this durable object",
  [IMAGES["rate-limited"]]: "you are requesting too many containers per second",
  [IMAGES["too-many-instances"]]: "Maximum number of running container instances exceeded",
  [IMAGES["says-something-new"]]: "a wording of tomorrow",
};

/** Of all containers. */
let running = 0;

/** What was kept of disks, by the platform's ids. */
const snapshots = new Map<string, { readonly image: string; readonly disk: string }>();

interface Placement {
  readonly options: StartOptions;
  /** Undefined while it lives, null after exit 0. */
  ending: Error | null | undefined;
  /** How it ends a moment later, and when: whoever looks then finds it ended, also if the object that asked is gone. */
  coming?: { readonly at: number; readonly error: Error | null };
  listens: boolean;
  /** Of a job. */
  readonly command: FakeCommand | null;
}

/** A promise belongs to the object that made it, and tests act from outside: what is shared is state, and looked at. */
const LOOK_EVERY_MS = 2;
/** What only Gantry says, on `/forged`. */
const FORGED = {
  "gantry-refused": "not-ready",
  "gantry-error": "NO_READY_INSTANCE",
  "gantry-retryable": "true",
  "gantry-load": "999",
};
/** So many containers are looked at that often; of more, each less often, so that looking does not become the work. */
const LOOKED_AT = 50;

class ExitError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`Container exited with unexpected exit code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

function exitOf(code: number): Error | null {
  return code === 0 ? null : new ExitError(code);
}

export class FakeContainer implements ContainerPort, CommandPort {
  readonly images = IMAGES;
  /** Everything that was ever started here. */
  readonly starts: StartOptions[] = [];
  readonly signals: number[] = [];
  readonly inactivityTimeouts: number[] = [];
  /** Which requests come to Gantry, and on whose behalf. */
  readonly intercepted: { reach: Reach; workload: Workload; isRunning: boolean }[] = [];
  /** False: the platform has registered it, and passes nothing on. */
  intercepts = true;
  /** Requests that got into the container, checks apart. */
  readonly received: string[] = [];
  /** Of the last of them. */
  lastHeaders: Record<string, string> = {};
  /** Requests that were tried on it, whether they got in or not. */
  attempts = 0;
  /** Reads every request and dies before it answers, as a crash in the middle does. */
  dropsAnswers = false;
  /** What a path answers with, for checks and requests alike; 200 where nothing is said. */
  readonly statuses = new Map<string, number>();
  /** Paths that never answer. */
  readonly hangs = new Set<string>();
  /** Nobody listens there. */
  readonly closedPorts = new Set<number>();
  /** Paths of the checks that got in, in their order. */
  readonly checked: string[] = [];
  /** The requests of checks that were read, as method, `x-asked-by` and body. */
  readonly checkRequests: string[] = [];
  /** Attempts of checks under way at one time, at most. */
  mostChecksAtOnce = 0;
  /** `/stream` goes on for as long as this says. */
  streams = true;
  /** Signals that commands inside have got. */
  readonly killed: number[] = [];
  /** What came through connections to its ports, and how those ended. */
  readonly tunnelled: string[] = [];
  /** Commands that were run inside. */
  execs = 0;
  /** Null: its image is without. */
  init: FakeInit | null = null;
  /** What `write` has written, here or where the snapshot was taken that it runs. */
  disk = "";
  /** Why no snapshot is taken, in the platform's words. */
  refusesSnapshots: string | null = null;
  #claimed: Readonly<Record<string, string>> = {};
  #hangs: "nothing" | "next command" | "all" = "nothing";
  #checksNow = 0;
  #placement: Placement | null = null;

  get running(): boolean {
    this.#look();
    return this.#placement !== null;
  }

  #look(): void {
    const command = this.#placement?.command ?? null;
    if (this.#placement !== null && command !== null && command.endsAt <= Date.now()) {
      // A shell keeps what it came to, and the container with it.
      if (!command.isWrapped || command.isFetched) this.#end(this.#placement, exitOf(command.code));
    }
    const coming = this.#placement?.coming;
    if (this.#placement !== null && coming !== undefined && coming.at <= Date.now()) {
      this.#end(this.#placement, coming.error);
    }
  }

  /** Ends are told a moment later, as the platform does. */
  #endSoon(placement: Placement, error: Error | null): void {
    placement.coming = { at: Date.now() + 1, error };
    setTimeout(() => this.#end(placement, error), 1);
  }

  async intercept(reach: Reach, workload: Workload): Promise<void> {
    this.intercepted.push({ reach, workload, isRunning: this.#placement !== null });
  }

  start(asked: StartOptions): void {
    if (this.running) throw new Error("start() cannot be called on a container that is already running.");
    this.starts.push(asked);
    const from = asked.snapshot === undefined ? { image: asked.image, disk: "" } : snapshots.get(asked.snapshot);
    // As workerd does with one that is not there: it runs for a moment, and then has failed to start.
    const { image, disk } = from ?? { image: IMAGES["never-boots"], disk: "" };
    const options = { ...asked, image };
    this.disk = disk;
    for (const answer of options.env["ANSWERS"]?.split(" ") ?? []) {
      const [path = "", status] = answer.split("=");
      this.statuses.set(path, Number(status));
    }
    const printed = options.env["LOGS"];
    if (printed !== undefined) {
      this.init = { lines: [{ stream: "stdout", at: Date.now(), text: printed }], exitCode: 0 };
    }
    const refusal = REFUSALS[options.image];
    if (refusal !== undefined) throw new Error(refusal);
    const command = fakeCommand(options);
    const placement: Placement = { options, ending: undefined, listens: command === null, command };
    this.#placement = placement;
    this.#claimed = {};
    running += 1;
    const isMissing = command?.isMissing === true;
    if (isMissing || options.image === IMAGES["never-boots"])
      this.#endSoon(placement, new Error("Container failed to start"));
    if (options.image === IMAGES["exits-3"]) this.#endSoon(placement, new ExitError(3));
    if (options.image === IMAGES["exits-0"]) this.#endSoon(placement, null);
    if (options.image !== IMAGES["hello-world"] && options.image !== IMAGES["ignores-sigterm"])
      placement.listens = false;
  }

  async monitor(): Promise<void> {
    const placement = this.#placement;
    if (placement === null) throw new Error("monitor() cannot be called on a container that is not running.");
    for (;;) {
      this.#look();
      if (placement.ending !== undefined) break;
      const everyMs = LOOK_EVERY_MS * Math.max(1, running / LOOKED_AT);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    if (placement.ending !== null) throw placement.ending;
  }

  async destroy(): Promise<void> {
    const placement = this.#placement;
    if (placement === null) return;
    await Promise.resolve();
    this.#end(placement, new ExitError(137));
  }

  signal(signal: number): void {
    if (this.#placement === null) throw new Error("signal() cannot be called on a container that is not running.");
    if (!Number.isInteger(signal) || signal < 1 || signal > 64) throw new RangeError("Invalid signal number.");
    this.signals.push(signal);
    const placement = this.#placement;
    if (placement.options.image === IMAGES["ignores-sigterm"]) return;
    const { command } = placement;
    if (command === null) {
      this.#endSoon(placement, null);
    } else if (command.trap !== null && command.endsAt > Date.now()) {
      command.code = command.trap;
      command.endsAt = Date.now();
    }
  }

  async snapshot(name: string): Promise<{ id: string; size: number; name: string }> {
    const image = this.#placement?.options.image;
    if (image === undefined) {
      throw new Error("snapshotContainer() cannot be called on a container that is not running.");
    }
    if (this.refusesSnapshots !== null) throw new Error(this.refusesSnapshots);
    await Promise.resolve();
    const id = crypto.randomUUID();
    snapshots.set(id, { image, disk: this.disk });
    return { id, size: 134_289_218, name };
  }

  async inspect(): Promise<{ labels: Readonly<Record<string, string>> } | null> {
    if (this.#hangs === "all") return await new Promise<never>(() => undefined);
    return this.#placement === null ? null : { labels: { ...this.#placement.options.labels, ...this.#claimed } };
  }

  /** What runs says this of itself, whatever it was started with, until something else is started. */
  claims(labels: Readonly<Record<string, string>>): void {
    this.#claimed = labels;
  }

  async setInactivityTimeout(ms: number): Promise<void> {
    this.inactivityTimeouts.push(ms);
  }

  /** A server that greets, gives back what it gets, and hangs up on `bye`. */
  connect(port: number): Connection {
    const isOpen = this.#placement?.listens === true && !this.closedPorts.has(port);
    return fakeConnection(port, isOpen, this.tunnelled);
  }

  async fetch(port: number, request: Request): Promise<Response> {
    const isCheck = request.headers.get("user-agent")?.startsWith("Gantry-Check/") === true;
    if (!isCheck) return await this.#answer(port, request, false);
    this.#checksNow += 1;
    this.mostChecksAtOnce = Math.max(this.mostChecksAtOnce, this.#checksNow);
    try {
      return await this.#answer(port, request, true);
    } finally {
      this.#checksNow -= 1;
    }
  }

  async #answer(port: number, request: Request, isCheck: boolean): Promise<Response> {
    if (!isCheck) this.attempts += 1;
    if (this.#placement?.listens !== true || this.closedPorts.has(port))
      throw new Error("The container is not listening in the TCP address 10.0.0.1:8080");
    const { pathname, search } = new URL(request.url);
    if (isCheck) this.checked.push(pathname);
    if (pathname === "/ws") return acceptWebSocket();
    if (pathname === "/stream") return new Response(this.#stream());
    if (this.hangs.has(pathname)) await aborted(request.signal);
    const status = this.statuses.get(pathname);
    if (status !== undefined && status !== 200) {
      return new Response(null, { status, headers: { location: "http://elsewhere.test/health" } });
    }
    const body = await request.text();
    if (isCheck) this.checkRequests.push(`${request.method} ${request.headers.get("x-asked-by")} ${body}`);
    if (!isCheck) this.received.push(`${request.method} ${pathname} ${body.length}`);
    if (!isCheck) this.lastHeaders = Object.fromEntries(request.headers);
    if (!isCheck && this.dropsAnswers) throw new Error("Network connection lost.");
    if (pathname === "/missing") return new Response(null, { status: 404 });
    if (pathname === "/forged") return new Response("mine", { headers: FORGED });
    const headers: Record<string, string> = pathname === "/cookie" ? { "set-cookie": "a=1" } : {};
    const echo = { port, path: pathname, search, method: request.method, headers: Object.fromEntries(request.headers) };
    return Response.json({ ...echo, body }, { headers });
  }

  async accepts(port: number): Promise<boolean> {
    return this.#placement?.listens === true && !this.closedPorts.has(port);
  }

  /** The watcher of a job's command. Polls, since whoever waits may be another object than who changes something. */
  async run(command: readonly string[], onBegun?: () => void): Promise<Printed> {
    this.execs += 1;
    const placement = this.#placement;
    if (placement === null) throw new Error("exec() cannot be called on a container that is not running.");
    onBegun?.();
    const job = placement.command;
    if (job?.isWrapped !== true) return { exitCode: 9, printed: new Uint8Array() };
    if (command.at(-1) === "kill" && job.endsAt > Date.now()) {
      job.code = 137;
      job.endsAt = Date.now();
    }
    while (job.endsAt > Date.now() && this.#placement === placement) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    if (this.#placement !== placement) throw new Error("the container is gone");
    return { exitCode: 0, printed: fakePrinted(job, job.endsAt <= Date.now()) };
  }

  /** The command of its job ends now, with that code. */
  finish(code: number): void {
    const job = this.#placement?.command;
    if (job == null) throw new Error("it runs no job");
    job.code = code;
    job.endsAt = Date.now();
  }

  /**
   * Knows `sh` and `env`, unless the image has neither (`SHELL=none`). `PLACE` says where it runs: `asked` is where it was
   * asked to, else a region.
   */
  async exec(command: readonly string[]): Promise<Executed> {
    this.execs += 1;
    const [program] = command;
    const { env } = this.#placement?.options ?? {};
    if (env === undefined) throw new Error("exec() cannot be called on a container that is not running.");
    if (env["SHELL"] === "none") return { exitCode: 127, output: "" };
    if (env["SHELL"] === "env" && program !== "env") return { exitCode: 127, output: "" };
    const reading = fakeReading(this.init, command, env);
    if (reading !== null) return reading;
    if (command.at(-1)?.includes(PROOF_ADDRESS) === true) return this.#proof(env["CLIENT"]);
    const { PLACE: place } = env;
    if (place === undefined) return { exitCode: 0, output: "PATH=/bin\n" };
    const region = place === "asked" ? (env["GANTRY_LOCATION"] ?? "").toUpperCase() : place;
    return { exitCode: 0, output: `CLOUDFLARE_REGION=${region}\nCLOUDFLARE_LOCATION=${region.toLowerCase()}01\n` };
  }

  /** What it gets when it asks whether its requests come to Gantry: as long as they do, and where it has a client. */
  #proof(client: string | undefined): Executed {
    if (client === "none") return { exitCode: 127, output: "" };
    const { reach, workload } = this.intercepted.at(-1) ?? {};
    const comes = reach !== undefined && reach !== "internal" && workload !== undefined && this.intercepts;
    return comes ? { exitCode: 0, output: `${proofOf(workload)}\n` } : { exitCode: 1, output: "connection refused" };
  }

  /** `print` prints its arguments, `env` its own, `fail` ends with 3, `cat` gives back what it gets, `endless` never stops. */
  async spawn([program = "", ...args]: readonly string[], { env = {}, pty, cwd }: SpawnOptions): Promise<Process> {
    if (!this.running) throw new Error("exec() cannot be called on a container that is not running.");
    this.execs += 1;
    if (this.#hangs !== "nothing") {
      this.#hangs = "all";
      return await new Promise<never>(() => undefined);
    }
    const exit = Promise.withResolvers<number>();
    const output = new IdentityTransformStream();
    const writer = output.writable.getWriter();
    const say = (text: string) => writer.write(new TextEncoder().encode(text)).catch(() => undefined);
    const end = (code: number) => {
      void writer.close().catch(() => undefined);
      exit.resolve(code);
    };
    const sizes: string[] = [];
    const keys = new WritableStream<Uint8Array>({
      write: async (chunk) => {
        const text = new TextDecoder().decode(chunk);
        if (text === "\u0004") end(0);
        else await say(`${text}${sizes.splice(0).join("")}`);
      },
    });
    const run: Record<string, () => void> = {
      print: () => void say(args.join(" ")).then(() => end(0)),
      env: () => void say(JSON.stringify({ env, cwd, pty })).then(() => end(0)),
      fail: () => end(3),
      write: () => {
        this.disk = args.join(" ");
        end(0);
      },
      read: () => void say(this.disk).then(() => end(0)),
      cat: () => undefined,
      endless: () =>
        void (async () => {
          while (!this.killed.includes(9)) await say("y".repeat(1_000));
        })(),
      silent: () => undefined,
    };
    if (run[program] === undefined) end(127);
    else run[program]();
    return {
      stdin: pty === undefined ? null : keys,
      stdout: output.readable,
      stderr: null,
      exitCode: exit.promise,
      kill: (signal) => {
        this.killed.push(signal);
        end(128 + signal);
      },
      resize: (columns, rows) => void sizes.push(`[${columns}x${rows}]`),
    };
  }

  #stream(): ReadableStream {
    const encoder = new TextEncoder();
    return new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode("first")),
      pull: async (controller) => {
        while (this.streams && this.running) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        controller.enqueue(encoder.encode(" last"));
        controller.close();
      },
    });
  }

  /**
   * It ends as the next command begins in it, which hangs: whoever was attached hears nothing of it any more, and sees it
   * run. Who attaches after that finds it gone.
   */
  hangNextCommand(): void {
    this.#hangs = "next command";
  }

  /** As a new lifetime of the object sees it. */
  attached(): this {
    if (this.#hangs === "all") this.vanish();
    this.#hangs = "nothing";
    return this;
  }

  /** `docker kill`. */
  kill(): void {
    if (this.#placement !== null) this.#end(this.#placement, new ExitError(137));
  }

  exit(code: number): void {
    if (this.#placement !== null) this.#end(this.#placement, code === 0 ? null : new ExitError(code));
  }

  /** Gone, and nobody is told. */
  vanish(): void {
    if (this.#placement !== null) running -= 1;
    this.#placement = null;
  }

  /** The networking sidecar dies: running, and nothing answers. */
  cutNetwork(): void {
    if (this.#placement !== null) this.#placement.listens = false;
  }

  #end(placement: Placement, error: Error | null): void {
    if (this.#placement !== placement) return;
    this.#placement = null;
    running -= 1;
    placement.ending = error;
  }
}

/** How clients have ended WebSockets, as the application heard it. */
export const webSocketCloses: string[] = [];

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("The operation was aborted")));
  });
}

function acceptWebSocket(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.binaryType = "arraybuffer";
  server.addEventListener("message", ({ data }) => {
    const [word, number = "0", ...rest] = typeof data === "string" ? data.split(" ") : [];
    if (word === "close") server.close(Number(number), rest.join(" "));
    else if (word === "count") for (let n = 0; n < Number(number); n += 1) server.send(String(n));
    else server.send(typeof data === "string" ? `echo ${data}` : (data as ArrayBuffer));
  });
  server.addEventListener("close", ({ code, reason }) => {
    webSocketCloses.push(`${code} ${reason}`);
  });
  server.accept();
  // What a hostile application adds.
  const headers = { "set-cookie": "evil=1; path=/", "gantry-refused": "not-ready" };
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** Containers outlive their objects, so they are kept by the object's id and not in it. */
const containers = new Map<string, FakeContainer>();

export function containerOf(objectId: string): FakeContainer {
  const known = containers.get(objectId);
  if (known !== undefined) return known;
  const created = new FakeContainer();
  containers.set(objectId, created);
  return created;
}

export function liveContainers(): FakeContainer[] {
  return [...containers.values()].filter((container) => container.running);
}

/** For the base class, which wants a container and touches nothing else of it once its seams are taken over. */
export const BASE_CONTAINER = { running: false, monitor: () => new Promise<void>(() => undefined) };
