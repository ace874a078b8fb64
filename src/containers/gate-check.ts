/** A look at one path of one container, for the gate of a rollout: as a check of it, and no request that it answers. */
import type { ProbeSpec } from "../orchestrator/probe-spec.ts";
import type { ContainerPort } from "./port.ts";
import { probeOnce, type ProbeResult } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";

export interface GateCheck {
  readonly path: string;
  /** Null: its first port. */
  readonly port: number | null;
  /** None: every one that is neither an error nor its beginning, 200 to 399. */
  readonly expectStatus: readonly number[];
  readonly timeoutMs: number;
}

const NO_ERROR = ["2xx", "3xx"];

export async function checkForGate(
  port: ContainerPort,
  record: RunRecord,
  { path, port: asked, expectStatus, timeoutMs }: GateCheck,
  now: number,
): Promise<ProbeResult> {
  const probe: ProbeSpec = {
    name: "gate",
    kind: "ready",
    type: "http",
    port: asked ?? record.port,
    http: { method: "GET", path, headers: {}, body: null },
    expectStatus: expectStatus.length === 0 ? NO_ERROR : expectStatus.map(String),
    timeoutMs,
    intervalMs: null,
    attempts: 1,
    graceMs: 0,
  };
  return await probeOnce(port, probe, record, now);
}
