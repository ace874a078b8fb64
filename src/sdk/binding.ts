/**
 * What a Worker and the entrypoint `Gantry` say to each other. HTTP and WebSockets go through `fetch`, everything else
 * is RPC. This is the one place that knows names of headers, the form of addresses, and the methods.
 *
 * The address is `http://gantry.internal/a/{application}[/@{id}][/:{port}]{path}`.
 */

export const CALL_HEADER = "gantry-call";
export const ERROR_HEADER = "gantry-error";
export const RETRYABLE_HEADER = "gantry-retryable";
export const INSTANCE_HEADER = "gantry-instance";
export const GANTRY_ORIGIN = "http://gantry.internal";

export type CallMode = "get" | "any" | "pool" | "terminal";

/** The JSON of the header `gantry-call`. */
export interface CallHeader {
  readonly mode: CallMode;
  /** Public ids of instances that must not be chosen. */
  readonly exclude?: readonly string[];
  /** Of `any` and `pool`: only the first so many members. */
  readonly size?: number;
  /** How long the call may wait for a ready instance. */
  readonly waitMs?: number;
}

/** `env.GANTRY`: a service binding to the entrypoint `Gantry`, whatever `wrangler types` calls its type. */
export interface GantryBinding {
  fetch(request: Request): Promise<Response>;
}

export type InstanceType = "lite" | "basic" | "standard-1" | "standard-2" | "standard-3" | "standard-4";

export interface StartOptions {
  /** In place of the definition's env, secrets and secretsStore, until `destroy`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly instanceType?: InstanceType;
  /** Name of a snapshot of this instance, in place of an image. */
  readonly snapshot?: string;
}

export interface StopOptions {
  /** `SIGINT` and the like, or a number from 1 to 64; default SIGTERM. SIGKILL follows after `stop_grace`. */
  readonly signal?: string | number;
}

export interface SnapshotOptions {
  /** Default `latest`. One of the same name takes its place. */
  readonly name?: string;
}

export interface Snapshot {
  /** The platform's. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface InstanceState {
  /** What `get` was called with. */
  readonly name: string;
  /** `absent`: never called, or destroyed since. `provisioning`: on its way to `running`. */
  readonly state: "absent" | "provisioning" | "running" | "unhealthy" | "failed" | "stopping" | "stopped";
  /** Takes requests. */
  readonly ready: boolean;
  /** Why it is as it is, where that is known. */
  readonly reason: string | null;
  readonly exitCode: number | null;
  /** Grows with every start. */
  readonly generation: number;
  readonly version: number;
  /** Milliseconds since 1970; 0 when it is absent. */
  readonly since: number;
  /** Public id; null when it is absent. */
  readonly instance: string | null;
}

/** A host (`api.example.com`, `*.example.com`), an address, a range; or one with ports and methods, of the application's policy. */
export type EgressRule =
  | string
  | { readonly host: string; readonly ports?: readonly number[]; readonly methods?: readonly string[] };

/** Lists are set first, then added to, then removed from. `null`: the application's own list again. */
export interface EgressChange {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly removeAllowed?: readonly string[];
  readonly removeDenied?: readonly string[];
  readonly setAllowed?: readonly string[] | null;
  readonly setDenied?: readonly string[] | null;
}

/** What holds for an instance from its next request on. */
export interface EgressState {
  /** Of hosts that no list names. */
  readonly default: "deny" | "allow";
  /** Nothing else may be reached; null: there is no such list, and `default` says. */
  readonly allowed: readonly EgressRule[] | null;
  /** Wins over everything. */
  readonly denied: readonly EgressRule[];
  /** Something was changed for this instance alone. */
  readonly changed: boolean;
  /**
   * What shows that it holds for the container that runs: a request from inside, the registration of its interception, or
   * nothing yet (`pending`), without which it gets no traffic. `open`: it was started past egress. Null: none runs.
   */
  readonly verified: "probe" | "registration" | "open" | "pending" | null;
}

export interface ExecRequest {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The RPC methods. Errors are shaped like `GantryError`; the class does not cross. */
export interface GantryRpc {
  start(application: string, id: string, options: StartOptions): Promise<InstanceState>;
  stop(application: string, id: string, options: StopOptions): Promise<InstanceState>;
  destroy(application: string, id: string): Promise<void>;
  getState(application: string, id: string): Promise<InstanceState>;
  renewActivityTimeout(application: string, id: string): Promise<void>;
  snapshot(application: string, id: string, options: SnapshotOptions): Promise<Snapshot>;
  listSnapshots(application: string, id: string): Promise<Snapshot[]>;
  deleteSnapshot(application: string, id: string, name: string): Promise<void>;
  exec(application: string, id: string, request: ExecRequest): Promise<ExecResult>;
  egressOf(application: string, id: string): Promise<EgressState>;
  changeEgress(application: string, id: string, change: EgressChange): Promise<EgressState>;
  resetEgress(application: string, id: string): Promise<EgressState>;
}

/** A WebSocket as workerd has it, beside what every runtime has. */
export interface AcceptableSocket extends EventTarget {
  binaryType: string;
  readonly protocol?: string | null;
  accept?(): void;
  send(data: string | ArrayBuffer | ArrayBufferView): void;
  close(code?: number, reason?: string): void;
}

/** The socket of an answer to an upgrade; undefined for every other answer. */
export function socketOf(response: Response): AcceptableSocket | undefined {
  const { webSocket } = response as unknown as { webSocket?: AcceptableSocket | null };
  return webSocket ?? undefined;
}
