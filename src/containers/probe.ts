/** One attempt of a check, against the container itself. Each attempt is ended at its timeout and follows no redirect. */
import type { ProbeSpec } from "../orchestrator/launch-spec.ts";
import type { ContainerPort } from "./port.ts";

/**
 * - `passed`
 * - `failed`: the process answered, but not as wanted
 * - `timeout`: nothing came in time; something may be there
 * - `refused`: nobody is there
 */
export interface ProbeResult {
  readonly verdict: "passed" | "failed" | "timeout" | "refused";
  readonly detail: string;
}

export async function probeOnce(port: ContainerPort, probe: ProbeSpec): Promise<ProbeResult> {
  if (probe.type === "tcp") {
    const accepted = await port.accepts(probe.port, probe.timeoutMs).catch(() => false);
    return accepted
      ? { verdict: "passed", detail: `port ${probe.port} accepts connections` }
      : { verdict: "refused", detail: `port ${probe.port} refuses connections` };
  }
  return await probeHttp(port, probe, (status) => status >= 200 && status < 300);
}

/** For an application that declares no port: any HTTP answer proves a server. */
export function probeImplicit(port: ContainerPort, portNumber: number, timeoutMs: number): Promise<ProbeResult> {
  const probe: ProbeSpec = {
    type: "http",
    port: portNumber,
    http: { method: "GET", path: "/", headers: {}, body: null },
    timeoutMs,
    intervalMs: 0,
    attempts: 1,
  };
  return probeHttp(port, probe, () => true);
}

async function probeHttp(
  port: ContainerPort,
  probe: ProbeSpec,
  passes: (status: number) => boolean,
): Promise<ProbeResult> {
  const http = probe.http ?? { method: "GET", path: "/", headers: {}, body: null };
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
    return { verdict: passes(response.status) ? "passed" : "failed", detail };
  } catch (error) {
    if (signal.aborted) {
      return { verdict: "timeout", detail: `port ${probe.port} gave no answer within ${probe.timeoutMs} ms` };
    }
    const text = error instanceof Error ? error.message : String(error);
    return { verdict: "refused", detail: `port ${probe.port}: ${text.slice(0, 120)}` };
  }
}
