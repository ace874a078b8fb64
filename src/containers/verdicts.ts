/**
 * From the results of probes to the facts that count: the process has started, each check's verdict, and whether the
 * instance may get traffic. Pure; a record to which nothing is new comes back as it is, so that it costs no row.
 */
import { sameVerdicts, type CheckState } from "../orchestrator/check-state.ts";
import type { ProbeSpec } from "../orchestrator/probe-spec.ts";
import { passes, type ProbeResult } from "./probe.ts";
import type { RunRecord } from "./run-record.ts";

/** Results by the index of their probe. */
export type Results = ReadonlyMap<number, ProbeResult>;

/** Ports of one process open one after another: a refusal is a verdict only some time after the launch. */
const PORTS_OPEN_WITHIN_MS = 2_000;

/** Without anybody who listens. */
const PROVE_A_PROCESS: ReadonlySet<ProbeResult["verdict"]> = new Set(["silent", "proved", "unproved"]);

export function newStates(probes: readonly ProbeSpec[], now: number): CheckState[] {
  return probes.map(({ name, kind }) => ({ name, kind, state: "pending", since: now, detail: null }));
}

export function hasStartedUp({ checks }: Pick<RunRecord, "checks">): boolean {
  return checks.every(({ kind, state }) => kind !== "startup" || state === "passing");
}

/** Probes on the way to ready: startup checks first; then what keeps it from traffic, and the first look of the others. */
export function openProbes({ checks }: Pick<RunRecord, "checks">, stage: "startup" | "ready"): number[] {
  return checks.flatMap(({ kind, state }, index) => {
    const isOpen =
      stage === "startup"
        ? kind === "startup" && state !== "passing"
        : (kind === "ready" && state !== "passing") || (kind === "health" && state === "pending");
    return isOpen ? [index] : [];
  });
}

/** A pass counts at once. A failure counts here only while nothing is known yet; the others are counted elsewhere. */
export function afterProbes(record: RunRecord, results: Results, now: number): RunRecord {
  const verdicts = [...results.values()].map(({ verdict }) => verdict);
  const answered = verdicts.some((verdict) => verdict === "passed" || verdict === "failed");
  const isRunning = record.phase === "running";
  const checks = record.checks.map((check, index): CheckState => {
    const result = results.get(index);
    if (result === undefined) return check;
    if (passes(result))
      return check.state === "passing" ? check : { ...check, state: "passing", since: now, detail: null };
    if (check.state !== "pending" || check.kind === "health") return check;
    const isTooEarly =
      result.verdict === "failed" || result.verdict === "unproved"
        ? false
        : !isRunning || now - record.startedAt < PORTS_OPEN_WITHIN_MS;
    return isTooEarly ? check : { ...check, state: "failing", since: now, detail: result.detail };
  });
  const hasStarted = isRunning || answered || verdicts.some((verdict) => PROVE_A_PROCESS.has(verdict));
  const verified = [...results.values()].find(({ by }) => by !== undefined)?.by;
  return settled(record, {
    ...record,
    phase: hasStarted && record.phase === "starting" ? "running" : record.phase,
    listens: record.listens || answered,
    ...(verified === undefined ? {} : { verified }),
    checks,
  });
}

/** These checks have failed as often as it takes. */
export function withFailing(record: RunRecord, indexes: readonly number[], detail: string, now: number): RunRecord {
  const checks = record.checks.map((check, index): CheckState =>
    !indexes.includes(index) || check.state === "failing" ? check : { ...check, state: "failing", since: now, detail },
  );
  return settled(record, { ...record, checks });
}

export function readyProbes({ checks }: Pick<RunRecord, "checks">): number[] {
  return checks.flatMap(({ kind }, index) => (kind === "ready" ? [index] : []));
}

function settled(before: RunRecord, after: RunRecord): RunRecord {
  const ready =
    after.phase === "running" && after.checks.every(({ kind, state }) => kind === "health" || state === "passing");
  const isSame =
    after.phase === before.phase &&
    ready === before.ready &&
    after.listens === before.listens &&
    sameVerdicts(before.checks, after.checks);
  return isSame ? before : { ...after, ready };
}
