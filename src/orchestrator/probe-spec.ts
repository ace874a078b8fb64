/** From `configuration.checks` to the probes that an instance makes, and the lengths of time of its placement. */
import { STOP } from "./plan/deployment.ts";
import type { Configuration } from "../api/schemas/configuration.ts";
import type { Check } from "../api/schemas/check.ts";
import { lengthOf } from "../duration.ts";
import { EGRESS_CHECK, type CheckKind } from "./check-state.ts";
import { requiredPortsOf, type Port } from "./network.ts";

export interface ProbeSpec {
  readonly name: string;
  readonly kind: CheckKind;
  /** `any`: whatever is answered, for an application that declares no port. `egress`: its requests come to Gantry. */
  readonly type: "http" | "tcp" | "any" | "egress";
  readonly port: number;
  readonly http: {
    readonly method: string;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body: string | null;
  } | null;
  /** Statuses or classes: `204`, `2xx`. */
  readonly expectStatus: readonly string[];
  readonly timeoutMs: number;
  /** Between attempts. Null: a startup check follows its own pace, an implied one is made with each keep-alive look. */
  readonly intervalMs: number | null;
  /** Failures in a row that change the verdict. */
  readonly attempts: number;
  /** Failures are ignored for this long after the launch. */
  readonly graceMs: number;
}

export interface LifecycleTimes {
  /** From the launch to a process that has proved itself and passed its startup checks. */
  readonly startupDeadlineMs: number;
  /** What is under way in a stop may take this long before SIGTERM. */
  readonly drainTimeoutMs: number;
  /** The same where a rollout replaces it. Absent: so long that nearly everything ends by itself. */
  readonly rolloutDrainMs?: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
  /** From the launch to a SIGTERM, whatever is under way. Absent: never. */
  readonly hardTimeoutMs?: number;
  /** Without anything under way for this long, a named instance is put to sleep. Absent: the usual. */
  readonly sleepAfterMs?: number;
  /** The container may keep a stop waiting for this long by saying that it is busy. Absent: the usual. */
  readonly maxHoldMs?: number;
}

/** Of a named instance whose configuration does not say. */
export const DEFAULT_SLEEP_AFTER_MS = 600_000;

/** A rollout is in no hurry: Cloudflare's own lets an instance finish for so long. */
export const ROLLOUT_DRAIN_MS = 900_000;

export const DEFAULT_TIMES: LifecycleTimes = { startupDeadlineMs: 120_000, drainTimeoutMs: 5_000, stopGraceMs: 10_000 };
const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 1_000;
const DEFAULT_ATTEMPTS = 3;
const SUCCESS = ["2xx"];
const USUAL = {
  http: null,
  expectStatus: [],
  timeoutMs: DEFAULT_TIMEOUT_MS,
  intervalMs: null,
  attempts: DEFAULT_ATTEMPTS,
  graceMs: 0,
} as const;

/** How long what is under way is waited for, in a stop for that reason. */
export function drainMsOf({ drainTimeoutMs, rolloutDrainMs = ROLLOUT_DRAIN_MS }: DrainTimes, reason: string | null) {
  return reason === STOP.outdated ? rolloutDrainMs : drainTimeoutMs;
}

type DrainTimes = Pick<LifecycleTimes, "drainTimeoutMs" | "rolloutDrainMs">;

export function timesOf(configuration: Configuration): LifecycleTimes {
  const { startup_deadline, drain_timeout, stop_grace, hard_timeout, sleep_after, max_hold } = configuration;
  const [hardTimeoutMs, sleepAfterMs] = [lengthOf(hard_timeout), lengthOf(sleep_after)];
  const [maxHoldMs, drainMs] = [lengthOf(max_hold), lengthOf(drain_timeout)];
  return {
    startupDeadlineMs: lengthOf(startup_deadline) ?? DEFAULT_TIMES.startupDeadlineMs,
    drainTimeoutMs: drainMs ?? DEFAULT_TIMES.drainTimeoutMs,
    ...(drainMs === null ? {} : { rolloutDrainMs: drainMs }),
    stopGraceMs: lengthOf(stop_grace) ?? DEFAULT_TIMES.stopGraceMs,
    ...(hardTimeoutMs === null ? {} : { hardTimeoutMs }),
    ...(sleepAfterMs === null ? {} : { sleepAfterMs }),
    ...(maxHoldMs === null ? {} : { maxHoldMs }),
  };
}

/**
 * At least one of kind `ready`, since only a probe proves that a container has started: where none is declared, the
 * first port must accept connections, and where no port is either, any answer on the default one will do. A required port
 * is a check of the start and, from then on, of readiness.
 */
export function probesOf(configuration: Configuration, ports: readonly Port[], port: number): ProbeSpec[] {
  const declared = (configuration.checks ?? []).map((item, index) => declaredProbe(item, index, ports, port));
  const required = requiredPortsOf(configuration);
  const probes = [...declared, ...required.flatMap(requiredProbes)];
  if (declared.some(({ kind }) => kind === "ready") || required.includes(port)) return probes;
  return [...probes, impliedProbe(port, ports.length > 0 ? "tcp" : "any")];
}

function declaredProbe(item: Check, index: number, ports: readonly Port[], port: number): ProbeSpec {
  const { kind, type, http } = item;
  const isStartup = kind === "startup";
  return {
    name: item.name ?? `${kind}-${index}`,
    kind,
    type,
    // The schema has refused a check of a port that is not declared.
    port: ports.find((named) => named.name === item.port)?.port ?? port,
    http:
      http === undefined
        ? null
        : { method: http.method, path: http.path, headers: http.headers ?? {}, body: http.body ?? null },
    expectStatus: item.expect_status?.map(String) ?? SUCCESS,
    timeoutMs: lengthOf(item.timeout) ?? DEFAULT_TIMEOUT_MS,
    intervalMs: lengthOf(item.interval) ?? (isStartup ? null : DEFAULT_INTERVAL_MS),
    attempts: isStartup ? 1 : (item.attempts_before_failure ?? DEFAULT_ATTEMPTS),
    graceMs: lengthOf(item.grace_period) ?? 0,
  };
}

/** Of what has a policy: no traffic before it is seen to hold. */
export function egressProbe(): ProbeSpec {
  return { ...USUAL, name: EGRESS_CHECK, kind: "startup", type: "egress", port: 0, timeoutMs: 6_000, attempts: 1 };
}

function impliedProbe(port: number, type: "tcp" | "any"): ProbeSpec {
  return { ...USUAL, name: type === "tcp" ? "listening" : "answering", kind: "ready", type, port };
}

function requiredProbes(port: number): ProbeSpec[] {
  return [
    { ...USUAL, name: `opened-${port}`, kind: "startup", type: "tcp", port, attempts: 1 },
    { ...USUAL, name: `listening-${port}`, kind: "ready", type: "tcp", port, intervalMs: DEFAULT_INTERVAL_MS },
  ];
}
