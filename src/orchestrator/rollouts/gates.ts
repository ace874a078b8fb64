/**
 * Gates: what is measured when the instances of a step are healthy, before the rollout goes on. Pure: which measurement
 * is due, and what those that were made come to. `measure.ts` makes them. Once a gate has decided, nothing that is
 * measured later changes it.
 */

interface Measured {
  readonly name: string;
  /** Between one measurement and the next. */
  readonly intervalMs: number;
  /** So many that pass are enough. */
  readonly count: number;
  /** More than so many that fail are too many. */
  readonly failureLimit: number;
  /** One that takes longer is inconclusive. */
  readonly timeoutMs: number;
  /** It is measured and shown, and decides nothing. */
  readonly isDryRun: boolean;
}

export type Gate = Measured &
  (
    | {
        readonly type: "error_rate";
        /** Share of the requests to the target version that may end with 5xx, 0 to 1. */
        readonly maxRatio: number;
        /** Of fewer nothing is known: inconclusive. */
        readonly minRequests: number;
      }
    | { readonly type: "webhook"; readonly url: string }
    | {
        readonly type: "check";
        readonly path: string;
        /** Of each instance at the target; null: its first port. */
        readonly port: number | null;
        readonly expectStatus: readonly number[];
      }
  );

export type Verdict = "passed" | "failed" | "inconclusive";

export interface Measurement {
  readonly gate: string;
  readonly at: number;
  readonly verdict: Verdict;
  /** What was seen, for people. */
  readonly message: string;
}

/** What the gates of the step say: `pending` until they have measured for long enough. */
export type Analysis = "none" | "pending" | "passed" | "failed" | "inconclusive";

export interface Analysed {
  readonly analysis: Analysis;
  /** The next measurement that is wanted, and from when on; null: none is. */
  readonly due: { readonly gate: Gate; readonly at: number } | null;
  /** Why it has not passed, for people; null while nothing is decided, and when it has. */
  readonly message: string | null;
}

/** Of one step, of all of its gates: what is refused beyond it can be kept in a row. */
export const MOST_MEASUREMENTS = 100;
/** So many in a row that say nothing will go on saying nothing. */
const INCONCLUSIVE_IN_A_ROW = 3;
/** Beside those that it takes to decide, so many of a gate may say nothing. */
const INCONCLUSIVE_AT_ALL = 3;

/** How many measurements a gate makes at most before it has decided, whatever they say. */
export function measurementsNeeded({
  count,
  failureLimit,
  isDryRun,
}: Pick<Gate, "count" | "failureLimit" | "isDryRun">): number {
  return isDryRun ? count : count + failureLimit + INCONCLUSIVE_AT_ALL;
}

export function measurementsOf({ name }: Gate, measurements: readonly Measurement[]): readonly Measurement[] {
  return measurements.filter(({ gate }) => gate === name);
}

/** What the gates of a step come to. One that failed outweighs one that says nothing, and that one those that go on. */
export function analysisOf(gates: readonly Gate[], measurements: readonly Measurement[], now: number): Analysed {
  if (gates.length === 0) return { analysis: "none", due: null, message: null };
  const states = gates.map((gate) => ({ gate, state: stateOf(gate, measurementsOf(gate, measurements)) }));
  // With nothing that decides, what is only looked at is still looked at.
  const decides = gates.every(({ isDryRun }) => isDryRun) ? states : states.filter(({ gate }) => !gate.isDryRun);
  for (const verdict of ["failed", "inconclusive"] as const) {
    const found = decides.find(({ state }) => state === verdict);
    if (found !== undefined) return { analysis: verdict, due: null, message: whyOf(found.gate, verdict, measurements) };
  }
  if (decides.every(({ state }) => state === "passed")) return { analysis: "passed", due: null, message: null };
  return { analysis: "pending", due: firstDue(gates, measurements, now), message: null };
}

/** When the gate wants to be measured next: at once at first, then at its interval. Null: it has decided. */
export function dueAt(gate: Gate, measurements: readonly Measurement[], now: number): number | null {
  const own = measurementsOf(gate, measurements);
  if (stateOf(gate, own) !== "pending") return null;
  const last = own.at(-1);
  // A clock that was set back must not make it wait for the time that it is behind.
  return last === undefined ? now : Math.min(last.at, now) + gate.intervalMs;
}

/** What is measured after its gate has decided is not kept, so that the list has an end. */
export function withMeasurement(
  gates: readonly Gate[],
  measurements: readonly Measurement[],
  measurement: Measurement,
): readonly Measurement[] {
  const gate = gates.find(({ name }) => name === measurement.gate);
  if (gate === undefined || stateOf(gate, measurementsOf(gate, measurements)) !== "pending") return measurements;
  return [...measurements, measurement];
}

function firstDue(gates: readonly Gate[], measurements: readonly Measurement[], now: number): Analysed["due"] {
  let first: Analysed["due"] = null;
  for (const gate of gates) {
    const at = dueAt(gate, measurements, now);
    if (at !== null && (first === null || at < first.at)) first = { gate, at };
  }
  return first;
}

function stateOf(gate: Gate, own: readonly Measurement[]): Verdict | "pending" {
  if (gate.isDryRun) return own.length >= gate.count ? "passed" : "pending";
  let [passed, failed, inARow] = [0, 0, 0];
  for (const { verdict } of own) {
    passed += verdict === "passed" ? 1 : 0;
    failed += verdict === "failed" ? 1 : 0;
    inARow = verdict === "inconclusive" ? inARow + 1 : 0;
    if (failed > gate.failureLimit) return "failed";
    if (passed >= gate.count) return "passed";
    if (inARow >= INCONCLUSIVE_IN_A_ROW) return "inconclusive";
  }
  return own.length >= measurementsNeeded(gate) ? "inconclusive" : "pending";
}

function whyOf(gate: Gate, verdict: Verdict, measurements: readonly Measurement[]): string {
  const own = measurementsOf(gate, measurements);
  const such = own.filter((measurement) => measurement.verdict === verdict);
  const word = verdict === "failed" ? "failed" : "said nothing";
  return `gate ${gate.name}: ${such.length} of ${own.length} measurements ${word}; the last: ${such.at(-1)?.message ?? ""}`;
}
