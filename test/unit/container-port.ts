/** A container that answers as a test says, its checks and the record of its run. */
import type { ContainerPort } from "../../src/containers/port.ts";
import type { RunRecord } from "../../src/containers/run-record.ts";
import { newStates } from "../../src/containers/verdicts.ts";
import { DEFAULT_TIMES, type ProbeSpec } from "../../src/orchestrator/probe-spec.ts";

function unasked(): never {
  throw new Error("not asked for in this test");
}

/** Whatever is asked of it beyond that fails. */
export function containerPort(answers: Partial<ContainerPort>): ContainerPort {
  return {
    running: true,
    images: {},
    intercept: unasked,
    start: unasked,
    monitor: unasked,
    destroy: unasked,
    signal: unasked,
    inspect: unasked,
    setInactivityTimeout: unasked,
    fetch: unasked,
    accepts: unasked,
    run: unasked,
    exec: unasked,
    ...answers,
  };
}

export function portProbe(part: Partial<ProbeSpec>): ProbeSpec {
  return {
    name: "up",
    kind: "ready",
    type: "tcp",
    port: 8080,
    http: null,
    expectStatus: [],
    timeoutMs: 1_000,
    intervalMs: 10_000,
    attempts: 3,
    graceMs: 0,
    ...part,
  };
}

/** Of a container that runs, and passes all of its checks. */
export function newRunRecord(part: Partial<RunRecord> = {}): RunRecord {
  const { probes = [portProbe({})], startedAt = 0 } = part;
  return {
    applicationId: "a",
    deploymentId: "d",
    generation: 1,
    revision: "r",
    checkEveryMs: 60_000,
    port: 8080,
    probes,
    checks: newStates(probes, startedAt).map((check) => ({ ...check, state: "passing" })),
    phase: "running",
    ready: true,
    listens: true,
    startedAt,
    stop: null,
    ending: null,
    ...DEFAULT_TIMES,
    ...part,
  };
}
