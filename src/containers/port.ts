/**
 * The one place that touches `ctx.container`. Everything else sees this interface, so that tests can put a fake with
 * the platform's hazards in its place, and the base class of `Instance` could be changed in one line.
 */

import type { Workload } from "../bridge/workload.ts";
import type { Connection } from "./tunnel.ts";
import { INTERNAL_HOSTS } from "../egress/hosts.ts";
import type { Reach } from "../egress/policy/reach.ts";

export interface StartOptions {
  readonly image: string;
  /** The platform's id of one, from which it starts in place of the image. */
  readonly snapshot?: string;
  readonly size: { readonly vcpu: number; readonly memoryMib: number; readonly diskMb: number };
  readonly entrypoint: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Past Gantry: only of an application whose policy is `open`. */
  readonly isOpen: boolean;
}

/** Makes of an identity what the platform calls for it. */
export type Interceptor = (workload: Workload) => Fetcher;

export interface ContainerPort {
  /** Attached, which is neither started nor ready: true at once, also for an image that never boots. */
  readonly running: boolean;
  /** Declared names and the references that they stand for. */
  readonly images: Readonly<Record<string, string>>;
  /** Its requests come to Gantry, which knows whose they are. Holds for what is started afterwards. */
  intercept(reach: Reach, workload: Workload): Promise<void>;
  start(options: StartOptions): void;
  /** Settles when the container ends: resolves on exit 0, rejects otherwise, with `exitCode` where there is one. */
  monitor(): Promise<void>;
  /** Kills and removes. A silent no-op when nothing runs. */
  destroy(): Promise<void>;
  /** Throws when nothing runs. */
  signal(signal: number): void;
  inspect(): Promise<{ readonly labels: Readonly<Record<string, string>> } | null>;
  setInactivityTimeout(ms: number): Promise<void>;
  fetch(port: number, request: Request): Promise<Response>;
  /** True when something accepts connections on the port. */
  accepts(port: number, timeoutMs: number): Promise<boolean>;
  /** Runs a command inside to its end, however long that takes. `onBegun`: it runs. Rejects when it cannot be run. */
  run(command: readonly string[], onBegun?: () => void): Promise<Printed>;
  /** Runs a command inside. Rejects when it cannot be run, or not within the time. */
  exec(command: readonly string[], timeoutMs: number): Promise<Executed>;
}

/** Commands that users run inside; nothing about the container's own life needs it. */
export interface CommandPort {
  /** Begins a command, with streams. Nothing ends it but itself, a signal, or the container's end. */
  spawn(command: readonly string[], options: SpawnOptions): Promise<Process>;
  /** Bytes to and from a port. Where nobody listens, both streams end at once. */
  connect(port: number): Connection;
  /** Keeps its disk as it is now, and nothing that runs. Throws when nothing runs. */
  snapshot(name: string): Promise<{ readonly id: string; readonly size: number }>;
}

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Rejects when it has not begun by then. */
  readonly beginsWithinMs?: number;
  /** With a terminal of that size, keys in `stdin`, and both streams in `stdout`. Without: no `stdin`. */
  readonly pty?: { readonly columns: number; readonly rows: number };
}

export interface Process {
  readonly stdin: WritableStream<Uint8Array> | null;
  readonly stdout: ReadableStream<Uint8Array> | null;
  readonly stderr: ReadableStream<Uint8Array> | null;
  readonly exitCode: Promise<number>;
  kill(signal: number): void;
  resize(columns: number, rows: number): void;
}

export interface Printed {
  readonly exitCode: number;
  /** To its standard output. */
  readonly printed: Uint8Array;
}

export interface Executed {
  readonly exitCode: number;
  /** What it printed. */
  readonly output: string;
}

/** A refused connection is reported within milliseconds; one that stays open this long was accepted, on an idle machine. */
const ACCEPTED_AFTER_MS = 250;
/** And on any one that stays open for so many times as long as another took to be refused. */
const SURELY_REFUSED_AFTER = 5;
/** Nobody listens there. */
const CLOSED_PORT = 1;

export function platformPort(container: Container, interceptor: Interceptor): ContainerPort & CommandPort {
  return {
    get running() {
      return container.running;
    },
    get images() {
      return container.images;
    },
    start({ image, snapshot, size, entrypoint, env, labels, isOpen }) {
      container.start({
        ...(snapshot === undefined ? { image } : { containerSnapshot: { id: snapshot } }),
        instance: { ...size },
        ...(entrypoint === null ? {} : { entrypoint: [...entrypoint] }),
        env: { ...env },
        labels: { ...labels },
        // Fail closed: what a policy allows Gantry fetches itself, so that without interception nothing is reached.
        enableInternet: isOpen,
      });
    },
    intercept: async (reach, workload) => {
      const gantry = interceptor(workload);
      await Promise.all([
        container.interceptOutboundHttp(INTERNAL_HOSTS, gantry),
        ...(reach === "internal" ? [] : [container.interceptAllOutboundHttp(gantry)]),
        ...(reach === "all"
          ? [
              container.interceptOutboundHttps("*", gantry),
              // Also what names no host: bytes on 443 without one would go past every name.
              container.interceptOutboundHttps("0.0.0.0/0", gantry),
              container.interceptOutboundHttps("::/0", gantry),
            ]
          : []),
      ]);
    },
    monitor: () => container.monitor(),
    destroy: () => container.destroy(),
    signal: (signal) => container.signal(signal),
    inspect: () => container.inspect(),
    setInactivityTimeout: (ms) => container.setInactivityTimeout(ms),
    fetch: (port, request) => container.getTcpPort(port).fetch(request),
    connect: (port) => container.getTcpPort(port).connect(`localhost:${port}`),
    accepts: (port, timeoutMs) => acceptsConnections(container, port, timeoutMs),
    snapshot: async (name) => await container.snapshotContainer({ name }),
    spawn: (command, { cwd, env, pty }) =>
      container.exec([...command], {
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env: { ...env } }),
        ...(pty === undefined ? {} : { pty: { cols: pty.columns, rows: pty.rows }, stdin: "pipe" }),
      }),
    run: async (command, onBegun) => {
      const process = await container.exec([...command], { stderr: "ignore" });
      onBegun?.();
      const { exitCode, stdout } = await process.output();
      return { exitCode, printed: new Uint8Array(stdout) };
    },
    exec: (command, timeoutMs) => execute(container, command, timeoutMs),
  };
}

/** The platform has no timeout of its own, neither for the beginning of a command nor for its end. */
async function execute(container: Container, command: readonly string[], timeoutMs: number): Promise<Executed> {
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no end of ${command[0]} within ${timeoutMs} ms`)), timeoutMs);
  const begun = container.exec([...command], { stderr: "ignore" });
  try {
    const { exitCode, stdout } = await Promise.race([begun.then((process) => process.output()), overdue]);
    return { exitCode, output: new TextDecoder().decode(stdout) };
  } catch (error) {
    begun.then(
      (process) => process.kill(SIGKILL),
      () => undefined,
    );
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const SIGKILL = 9;

/**
 * `opened` resolves at once even for a closed port, so the proof is that the socket is not closed right away. How soon that
 * would be, a port that nobody listens on tells in the same moment: on a busy machine it is many times as long.
 */
async function acceptsConnections(container: Container, port: number, timeoutMs: number): Promise<boolean> {
  const began = Date.now();
  const asked = connection(container, port);
  const closed = connection(container, CLOSED_PORT);
  const timers: ReturnType<typeof setTimeout>[] = [];
  const passed = async (ms: number) =>
    await new Promise<void>((resolve) => void timers.push(setTimeout(resolve, Math.max(0, ms))));
  const left = () => began + timeoutMs - Date.now();
  const lasts = async () => {
    await Promise.race([closed.isClosed, passed(left())]);
    const enough = Math.max(ACCEPTED_AFTER_MS, (Date.now() - began) * SURELY_REFUSED_AFTER);
    await passed(Math.min(began + enough - Date.now(), left()));
    return true;
  };
  try {
    return await Promise.race([asked.isClosed.then(() => false), lasts()]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    for (const { socket } of [asked, closed]) socket.close().catch(() => undefined);
  }
}

const over = () => undefined;

function connection(container: Container, port: number) {
  const socket = container.getTcpPort(port).connect(`localhost:${port}`);
  return { socket, isClosed: Promise.all([socket.opened, socket.closed]).then(over, over) };
}
