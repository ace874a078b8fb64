/** One attempt of a check, against the container itself. Each attempt is ended at its timeout and follows no redirect. */
import type { ProbeSpec } from "../orchestrator/probe-spec.ts";
import { proveEgress } from "./egress-proof.ts";
import type { ContainerPort } from "./port.ts";
import type { RunRecord } from "./run-record.ts";

/**
 * - `passed`
 * - `failed`: the process answered, but not as wanted
 * - `timeout`: nothing came in time; something may be there
 * - `refused`: nobody is there
 * - `silent`: nobody is there, and nobody needs to be: it has run for long without ever listening
 * - `proved`: something runs inside, and its requests come to Gantry; whether anybody listens it does not say
 * - `unproved`: something runs inside, and they do not
 */
export interface ProbeResult {
  readonly verdict: "passed" | "failed" | "timeout" | "refused" | "silent" | "proved" | "unproved";
  readonly detail: string;
  /** What has proved its egress. */
  readonly by?: "probe" | "registration";
}

/** An application that declares no port and does not listen is taken as ready after running this long. */
export const SILENT_IMAGE_READY_MS = 10_000;

const FROM_ROOT = { method: "GET", path: "/", headers: {}, body: null };

export function passes({ verdict }: ProbeResult): boolean {
  return verdict === "passed" || verdict === "silent" || verdict === "proved";
}

/** A pass without an answer. */
export function isUnproved({ verdict }: ProbeResult): boolean {
  return verdict === "silent";
}

export async function probeOnce(
  port: ContainerPort,
  probe: ProbeSpec,
  record: Pick<RunRecord, "listens" | "startedAt" | "deploymentId" | "generation">,
  now: number,
): Promise<ProbeResult> {
  switch (probe.type) {
    case "egress": {
      return await proveEgress(port, record, probe.timeoutMs);
    }
    case "tcp": {
      return await probeTcp(port, probe);
    }
    case "http": {
      return await probeHttp(port, probe, (status) => isExpected(status, probe.expectStatus));
    }
    case "any": {
      // Any HTTP answer proves a server.
      const result = await probeHttp(port, probe, () => true);
      const isSilent = !record.listens && now - record.startedAt >= SILENT_IMAGE_READY_MS && port.running;
      // A worker that serves nobody has no port to lose: only its exit tells.
      return result.verdict !== "passed" && isSilent ? { verdict: "silent", detail: "runs without listening" } : result;
    }
  }
}

/** Is anybody there, whatever they answer? Of what never listened only its process can tell. */
export async function isReachable(port: ContainerPort, record: RunRecord, now: number): Promise<boolean> {
  if (!record.listens) return port.running;
  const probes = record.probes.filter(({ kind }) => kind === "ready");
  const results = await Promise.all(probes.map((probe) => probeOnce(port, probe, record, now)));
  return results.some(({ verdict }) => verdict !== "refused");
}

export function isExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((wanted) => wanted === String(status) || wanted === `${Math.floor(status / 100)}xx`);
}

async function probeTcp(port: ContainerPort, probe: ProbeSpec): Promise<ProbeResult> {
  const accepted = await port.accepts(probe.port, probe.timeoutMs).catch(() => false);
  return accepted
    ? { verdict: "passed", detail: `port ${probe.port} accepts connections` }
    : { verdict: "refused", detail: `port ${probe.port} refuses connections` };
}

async function probeHttp(
  port: ContainerPort,
  probe: ProbeSpec,
  isPass: (status: number) => boolean,
): Promise<ProbeResult> {
  const http = probe.http ?? FROM_ROOT;
  const signal = AbortSignal.timeout(probe.timeoutMs);
  try {
    const request = new Request(`http://localhost:${probe.port}${http.path}`, {
      method: http.method,
      headers: { "user-agent": "Gantry-Check/1.0", ...http.headers },
      ...(http.body === null ? {} : { body: http.body }),
      redirect: "manual",
      signal,
    });
    const response = await port.fetch(probe.port, request);
    await response.body?.cancel();
    const detail = `${http.method} ${http.path} on port ${probe.port} answered ${response.status}`;
    return { verdict: isPass(response.status) ? "passed" : "failed", detail };
  } catch (error) {
    if (signal.aborted) {
      return { verdict: "timeout", detail: `port ${probe.port} gave no answer within ${probe.timeoutMs} ms` };
    }
    const text = error instanceof Error ? error.message : String(error);
    return { verdict: "refused", detail: `port ${probe.port}: ${text.slice(0, 120)}` };
  }
}
