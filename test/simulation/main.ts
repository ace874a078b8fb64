/**
 * `npm run simulate`: many seeds on all cores, or one seed or scenario with everything that happens in it. A seed that
 * breaks an invariant is made smaller and printed as a command that replays it. Ends with `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { availableParallelism } from "node:os";
import { shrink } from "./engine/shrink.ts";
import type { Trace } from "./engine/simulation.ts";
import { runJobs } from "./pool.ts";
import { NO_TOTALS, sum, type Failure, type Totals } from "./seeds.ts";
import { isSimulation, simulationOf, SIMULATIONS, type SimulationName } from "./simulations.ts";
import type { Job } from "./worker.ts";

const USAGE = `Usage: npm run simulate -- [options]
  --seeds N          run N seeds of each simulation (default 1000)
  --from S           the first of them (default 1)
  --only NAME        only this simulation: ${SIMULATIONS.join(" or ")}
  --threads N        default: one for each core
  --keep-going       do not stop at the first seed that fails
  --seed S           run one seed (with --only; default scheduler)
  --scenario JSON    run one scenario (with --only; default scheduler)
  --trace            with --seed or --scenario: print everything that happens
  --no-shrink        do not make a failing scenario smaller`;

const SEEDS_PER_JOB = 25;
const PROGRESS_EVERY_MS = 10_000;

const print = (line: string) => process.stdout.write(`${line}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      only: { type: "string" },
      threads: { type: "string", default: String(availableParallelism()) },
      "keep-going": { type: "boolean", default: false },
      seed: { type: "string" },
      scenario: { type: "string" },
      trace: { type: "boolean", default: false },
      "no-shrink": { type: "boolean", default: false },
    },
  });
  const { only } = values;
  if (only !== undefined && !isSimulation(only)) throw new Error(`--only: no simulation is called ${only}`);
  return {
    seeds: wholeNumber("--seeds", values.seeds, 1),
    from: wholeNumber("--from", values.from, 0),
    threads: wholeNumber("--threads", values.threads, 1),
    seed: values.seed === undefined ? null : wholeNumber("--seed", values.seed, 0),
    scenario: values.scenario ?? null,
    only: only ?? null,
    isTraced: values.trace,
    isShrunk: !values["no-shrink"],
    keepsGoing: values["keep-going"],
  };
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${option}: ${text} is no whole number from ${least}`);
  return value;
}

const trace: Trace = (now, line) => print(`${(now / 1_000).toFixed(3).padStart(9)}  ${line}`);

async function runOne(name: SimulationName, scenario: unknown, isTraced: boolean, isShrunk: boolean): Promise<boolean> {
  const simulation = simulationOf(name);
  const { steps, violation } = await simulation.run(scenario, isTraced ? trace : undefined);
  print(`${steps} steps: ${violation ?? "every invariant holds"}`);
  if (violation !== null && isShrunk) await printShrunk(name, scenario, violation);
  return violation === null;
}

async function printShrunk(name: SimulationName, scenario: unknown, violation: string): Promise<void> {
  print("making it smaller …");
  const { scenario: smallest, violation: still, runs } = await shrink(simulationOf(name), scenario, violation);
  print(`after ${runs} runs, what is left breaks the same: ${still}`);
  print(`npm run simulate -- --only ${name} --trace --no-shrink --scenario '${JSON.stringify(smallest)}'`);
}

function* jobsOf(names: readonly SimulationName[], from: number, seeds: number): Iterable<Job> {
  for (let start = from; start < from + seeds; start += SEEDS_PER_JOB) {
    const count = Math.min(SEEDS_PER_JOB, from + seeds - start);
    for (const simulation of names) yield { simulation, from: start, count };
  }
}

async function runMany(options: ReturnType<typeof readOptions>): Promise<boolean> {
  const { seeds, from, threads, keepsGoing, isShrunk, only } = options;
  const names = only === null ? SIMULATIONS : [only];
  const totals = new Map<SimulationName, Totals>(names.map((name) => [name, NO_TOTALS]));
  const begun = performance.now();
  let told = begun;
  await runJobs(jobsOf(names, from, seeds), threads, ({ job, totals: part }) => {
    totals.set(job.simulation, sum(totals.get(job.simulation) ?? NO_TOTALS, part));
    for (const failure of part.failures) print(failureLine(failure));
    if (performance.now() - told > PROGRESS_EVERY_MS) {
      told = performance.now();
      print(
        [...totals]
          .map(([name, { seeds: done, steps }]) => `${name}: ${done} of ${seeds} seeds, ${steps} steps`)
          .join("; "),
      );
    }
    return keepsGoing || part.failures.length === 0;
  });
  const seconds = (performance.now() - begun) / 1_000;
  const all = [...totals.values()];
  for (const [name, { seeds: done, steps, tally }] of totals) {
    const happened = Object.entries(tally).map(([what, count]) => `${count} ${what}`);
    print(`${name}: ${done} seeds, ${steps} steps (${happened.join(", ")})`);
  }
  const steps = all.reduce((most, one) => most + one.steps, 0);
  print(`${steps} steps in ${seconds.toFixed(0)} s, ${Math.round(steps / seconds)} steps/s`);
  const failures = all.flatMap((one) => one.failures).toSorted((a, b) => a.seed - b.seed);
  const [first] = failures;
  if (first !== undefined && isShrunk) {
    print(failureLine(first));
    await printShrunk(first.simulation, simulationOf(first.simulation).scenarioOf(first.seed), first.violation);
  }
  const done = all.reduce((most, one) => most + one.seeds, 0);
  print(`${done - failures.length} passed, ${failures.length} failed`);
  return failures.length === 0;
}

function failureLine({ simulation, seed, steps, violation }: Failure): string {
  return `${simulation} seed ${seed}, step ${steps}: ${violation}`;
}

async function main(): Promise<boolean> {
  const options = readOptions();
  const { seed, scenario, only, isTraced, isShrunk } = options;
  const name = only ?? "scheduler";
  if (scenario !== null) return await runOne(name, simulationOf(name).parse(JSON.parse(scenario)), isTraced, isShrunk);
  if (seed !== null) return await runOne(name, simulationOf(name).scenarioOf(seed), isTraced, isShrunk);
  return await runMany(options);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  print(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
