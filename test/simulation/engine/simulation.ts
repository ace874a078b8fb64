/**
 * What the runner, the shrinker and the tests know of a simulator: a scenario is data that a seed gives, running it twice
 * is the same run, and a smaller scenario is one of the same kind.
 */
export interface Outcome {
  readonly steps: number;
  /** `S1: 7 live deployments, 6 may be`: the invariant, and how it was broken. Null: everything held. */
  readonly violation: string | null;
  /** What happened in it, by name; a world in which nothing happens would keep every invariant. */
  readonly tally: Readonly<Record<string, number>>;
}

/** Hears a line for everything that happens. */
export type Trace = (now: number, line: string) => void;

export interface Simulation<Scenario> {
  readonly name: string;
  readonly scenarioOf: (seed: number) => Scenario;
  readonly run: (scenario: Scenario, trace?: Trace) => Promise<Outcome>;
  /** Scenarios that have less of something, the boldest first. */
  readonly smaller: (scenario: Scenario) => Iterable<Scenario>;
  /** Refuses what is not a scenario, with a text for people. */
  readonly parse: (json: unknown) => Scenario;
}

/** `S1` of `S1: 7 live deployments, 6 may be`. */
export function invariantOf(violation: string | null): string | null {
  return violation === null ? null : violation.slice(0, violation.indexOf(":"));
}

/** The code under test logs every outcome; thousands of runs would drown the one line that counts. */
export function silence(): () => void {
  const { log, warn, error } = console;
  const { stackTraceLimit } = Error;
  console.log = console.warn = console.error = () => undefined;
  // Faults are errors, thousands of them, and nobody reads where they were thrown.
  Error.stackTraceLimit = 0;
  return () => {
    Object.assign(console, { log, warn, error });
    Error.stackTraceLimit = stackTraceLimit;
  };
}
