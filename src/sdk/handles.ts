/**
 * What `ctx.containers.<name>` gives: an instance per entity, any ready member, or a pool that goes on to another member.
 * A handle is cheap and holds nothing open; it may be kept as long as the binding.
 */
import type { ExecRequest, ExecResult, GantryRpc, InstanceState, Snapshot, SnapshotOptions } from "./binding.ts";
import { INSTANCE_HEADER, type StartOptions, type StopOptions } from "./binding.ts";
import { anySignal, orAborted } from "./calls/abort.ts";
import type { CallInput } from "./calls/replay.ts";
import { COLD_START_POLICY, POOL_POLICY, retryPolicy, type RetryOptions } from "./calls/retry-policy.ts";
import { send, type Call, type Transport } from "./calls/send.ts";
import { containerSocket, type ContainerSocket } from "./calls/socket.ts";
import { checkId, checkPort, checkSize, checkWait } from "./calls/target.ts";
import { openTerminal, type Terminal, type TerminalOptions } from "./calls/terminal.ts";
import { egressOver, type ContainerEgress } from "./egress.ts";
import { invalidInput, ofRpc } from "./errors.ts";

export interface CallOptions extends RetryOptions {
  /** How long one try may wait in Gantry for a ready instance; default: what Gantry gives. */
  readonly waitMs?: number;
  /** Ends every call of the handle at once, also one that waits. */
  readonly signal?: AbortSignal;
}

export interface PoolOptions extends CallOptions {
  /** Only the first so many members. */
  readonly size?: number;
  /** Whether another member is to answer instead; default: any status of 500 or more. */
  readonly retryOn?: (response: Response) => boolean;
}

export type ExecOptions = Omit<ExecRequest, "command"> & { readonly signal?: AbortSignal };

export interface ContainerHandle {
  /**
   * The application's answer, whatever its status. Throws a `GantryError` when there was none. A path, a URL (of which
   * path and query are taken) or a `Request`; redirects are not followed.
   */
  fetch(input: CallInput, init?: RequestInit): Promise<Response>;
  /** A WebSocket. `fetch` with an upgrade gives the raw one. */
  connect(input: CallInput, init?: RequestInit): Promise<ContainerSocket>;
  /** The same, on another port of the container. */
  port(port: number): ContainerHandle;
}

export interface NamedContainerHandle extends ContainerHandle {
  readonly id: string;
  /** What this one instance may reach, beside what its application's policy says. */
  readonly egress: ContainerEgress;
  port(port: number): NamedContainerHandle;
  /**
   * Starts it and waits until it is ready. What is given is kept until `destroy`, in place of what was given before; other
   * options than it runs with are a conflict, and none change nothing.
   */
  start(options?: StartOptions): Promise<InstanceState>;
  /** Begins its stop; it can be started again, also by the next request. */
  stop(signalOrOptions?: StopOptions | string | number): Promise<InstanceState>;
  /** Ends it, and forgets its disk and what `start` was given; the next call makes another. */
  destroy(): Promise<void>;
  getState(): Promise<InstanceState>;
  /** For activity that is neither a request nor a WebSocket. */
  renewActivityTimeout(): Promise<void>;
  /** Keeps its disk as it is now, under a name, until it is destroyed: `start({ snapshot: name })` begins with it. */
  snapshot(options?: SnapshotOptions): Promise<Snapshot>;
  /** Newest first. */
  listSnapshots(): Promise<Snapshot[]>;
  deleteSnapshot(name: string): Promise<void>;
  /** Runs a command, without a shell. An exit code other than 0 is a result, not an error. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Runs a command on a terminal of its own. */
  terminal(options?: TerminalOptions): Promise<Terminal>;
}

export interface ContainerAccessor {
  /** The instance of an entity: the same id is the same container, made and started on first use. */
  get(id: string, options?: CallOptions): NamedContainerHandle;
  /** A ready member near by with little to do, chosen for each call anew. */
  any(size?: number, options?: CallOptions): ContainerHandle;
  /** Like `any`, and another member on a 5xx or a lost connection: for work that may be done twice. */
  pool(options?: PoolOptions): ContainerHandle;
}

export function accessorOf(transport: Transport, application: string): ContainerAccessor {
  return {
    get(id, options = {}) {
      const call = callOf(
        options,
        { application, mode: "get", id: checkId(id) },
        retryPolicy(options, COLD_START_POLICY),
      );
      return namedHandle(transport, call, call.target.id);
    },
    any(size, options = {}) {
      return handle(
        transport,
        callOf(options, { application, mode: "any", ...sized(size) }, retryPolicy(options, COLD_START_POLICY)),
      );
    },
    pool(options = {}) {
      const { retryOn = isServerError } = options;
      const call = callOf(
        options,
        { application, mode: "pool", ...sized(options.size) },
        retryPolicy(options, POOL_POLICY),
      );
      return handle(transport, { ...call, retryOn });
    },
  };
}

const isServerError = ({ status }: Response) => status >= 500;

function sized(size: number | undefined): { size?: number } {
  return checkSize(size) === undefined ? {} : { size: size as number };
}

function callOf<T extends Call["target"]>(options: CallOptions, target: T, policy: Call["policy"]) {
  const waitMs = checkWait(options.waitMs);
  return { policy, signal: options.signal, target: waitMs === undefined ? target : { ...target, waitMs } };
}

function handle(transport: Transport, call: Call): ContainerHandle {
  return {
    fetch: (input, init) => send(transport, call, input, init),
    connect: (input, init) => connect(transport, call, input, init),
    port: (port) => handle(transport, withPort(call, port)),
  };
}

function withPort(call: Call, port: number): Call {
  return { ...call, target: { ...call.target, port: checkPort(port) } };
}

async function connect(transport: Transport, call: Call, input: CallInput, init: RequestInit = {}) {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set("upgrade", "websocket");
  const response = await send(transport, call, input, { ...init, headers });
  return containerSocket(response, response.headers.get(INSTANCE_HEADER));
}

function namedHandle(transport: Transport, call: Call, id: string): NamedContainerHandle {
  const { application } = call.target;
  const rpc = async <T>(
    method: keyof GantryRpc,
    run: (rpc: GantryRpc) => Promise<T>,
    own?: AbortSignal,
  ): Promise<T> => {
    const signal = anySignal(call.signal, own);
    signal?.throwIfAborted();
    const answer = run(transport.binding as unknown as GantryRpc).catch((error: unknown) => {
      throw ofRpc(error, method);
    });
    return await orAborted(answer, signal);
  };
  return {
    ...handle(transport, call),
    id,
    egress: egressOver({
      get: () => rpc("egressOf", (to) => to.egressOf(application, id)),
      change: (change) => rpc("changeEgress", (to) => to.changeEgress(application, id, change)),
      reset: () => rpc("resetEgress", (to) => to.resetEgress(application, id)),
    }),
    port: (port) => namedHandle(transport, withPort(call, port), id),
    start: (options = {}) => rpc("start", (to) => to.start(application, id, options)),
    stop: (given = {}) =>
      rpc("stop", (to) => to.stop(application, id, typeof given === "object" ? given : { signal: given })),
    destroy: () => rpc("destroy", (to) => to.destroy(application, id)),
    getState: () => rpc("getState", (to) => to.getState(application, id)),
    renewActivityTimeout: () => rpc("renewActivityTimeout", (to) => to.renewActivityTimeout(application, id)),
    snapshot: (options = {}) => rpc("snapshot", (to) => to.snapshot(application, id, options)),
    listSnapshots: () => rpc("listSnapshots", (to) => to.listSnapshots(application, id)),
    deleteSnapshot: (name) => rpc("deleteSnapshot", (to) => to.deleteSnapshot(application, id, name)),
    async exec(command, { signal, ...options } = {}) {
      checkExec(command, options);
      return await rpc("exec", (to) => to.exec(application, id, { command, ...options }), signal);
    },
    async terminal(options = {}) {
      const target = { ...call.target, mode: "terminal" as const };
      return openTerminal(await connect(transport, { ...call, target }, "/"), options);
    },
  };
}

function checkExec(command: string, { timeoutMs, maxOutputBytes }: Omit<ExecRequest, "command">): void {
  const problems: Record<string, string> = {};
  if (typeof command !== "string" || command.trim() === "") problems["command"] = "must be the name of a program";
  for (const [field, value] of Object.entries({ timeoutMs, maxOutputBytes })) {
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue;
    problems[field] = `must be a whole number above 0; it is ${value}`;
  }
  if (Object.keys(problems).length > 0) throw invalidInput("exec", problems);
}
