/** From probe results to the two facts that count: the process has started, and it may get traffic. */
import { probeImplicit, probeOnce, type ProbeResult } from "./probe.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

export interface Readiness {
  readonly started: boolean;
  readonly ready: boolean;
  /** Nobody was there at all. */
  readonly refused: boolean;
  /** Something answered, well or not. */
  readonly listens: boolean;
  /** What the first check that did not pass said; null when all passed. */
  readonly detail: string | null;
}

/** An application that declares no port and does not listen is taken as ready after running this long. */
export const SILENT_IMAGE_READY_MS = 10_000;
const IMPLICIT_TIMEOUT_MS = 1_000;

export async function probeReadiness(port: ContainerPort, record: RunRecord, now: number): Promise<Readiness> {
  if (record.implicitPort) return await probeImplicitReadiness(port, record, now);
  const results = await Promise.all(record.probes.map((probe) => probeOnce(port, probe)));
  return summarise(results);
}

export function summarise(results: readonly ProbeResult[]): Readiness {
  const listens = results.some(({ verdict }) => verdict === "passed" || verdict === "failed");
  return {
    started: listens,
    listens,
    ready: results.every(({ verdict }) => verdict === "passed"),
    refused: results.length > 0 && results.every(({ verdict }) => verdict === "refused"),
    detail: results.find(({ verdict }) => verdict !== "passed")?.detail ?? null,
  };
}

async function probeImplicitReadiness(port: ContainerPort, record: RunRecord, now: number): Promise<Readiness> {
  const { verdict, detail } = await probeImplicit(port, record.port, IMPLICIT_TIMEOUT_MS);
  if (verdict === "passed") return { started: true, ready: true, refused: false, listens: true, detail: null };
  // A worker that serves nobody has no port to lose: only its exit tells.
  if (!record.listens && now - record.startedAt >= SILENT_IMAGE_READY_MS && port.running) {
    return { started: true, ready: true, refused: false, listens: false, detail: null };
  }
  return { started: false, ready: false, refused: verdict === "refused", listens: false, detail };
}

/** Is anybody there, whatever they answer? Of what never listened only its process can tell. */
export async function isReachable(port: ContainerPort, record: RunRecord): Promise<boolean> {
  if (!record.listens) return port.running;
  if (record.implicitPort) {
    const { verdict } = await probeImplicit(port, record.port, IMPLICIT_TIMEOUT_MS);
    return verdict !== "refused";
  }
  const results = await Promise.all(record.probes.map((probe) => probeOnce(port, probe)));
  return results.some(({ verdict }) => verdict !== "refused");
}

/** 10 ms in the first two seconds, where most images start, then ever slower up to a second. */
export function proofDelayMs(elapsedMs: number): number {
  if (elapsedMs < 2_000) return 10;
  return elapsedMs < 10_000 ? 100 : 1_000;
}
