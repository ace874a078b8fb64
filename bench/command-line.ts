/** Options, interruption, output and exit code, the same for all benchmarks and each of them alone. */
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { describeRatio, meets, type Bench, type BenchResult } from "./bench.ts";

const USAGE = `Usage: npm run bench -- [names] [options]
  --list         name the benchmarks
  --check        exit 1 when a ratio misses its target by more than 20 %
  --quick        fewer repetitions (with --check, unless --full)
  --full         all repetitions
  --json <file>  write everything that was measured`;

export async function runFromCommandLine(benches: readonly Bench[]): Promise<void> {
  const options = readOptions();
  if (options === undefined) return;
  const chosen = benches.filter(({ name }) => options.names.length === 0 || options.names.includes(name));
  const unknown = options.names.filter((name) => !benches.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    console.error(`no benchmark is called ${unknown.join(", ")}; --list names them`);
    process.exit(2);
  }
  if (options.list) {
    for (const { name, summary } of benches) console.log(`${name}  ${summary}`);
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      console.error("stopping, and removing what was started …");
      stop.abort();
    });
  }
  const results: { name: string; result: BenchResult }[] = [];
  const runOptions = { quick: options.quick, log: (line: string) => console.log(line), signal: stop.signal };
  for (const bench of chosen) {
    const { name, summary } = bench;
    console.log(`${name}: ${summary}`);
    try {
      const result = await bench.run(runOptions);
      results.push({ name, result });
      for (const line of [...result.lines, ...result.ratios.map(describeRatio)]) console.log(`  ${line}`);
    } catch (error) {
      if (stop.signal.aborted) process.exit(130);
      console.error(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      process.exit(1);
    }
  }
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ machine: machine(), results }, null, 2)}\n`);
  }
  const missed = results.flatMap(({ name, result }) =>
    result.ratios.filter((ratio) => !meets(ratio)).map((ratio) => `${name}: ${ratio.name} ${ratio.value.toFixed(2)}`),
  );
  const verdict = missed.length === 0 ? "every ratio holds" : `missed: ${missed.join("; ")}`;
  if (options.check) console.log(verdict);
  // wrangler's harness may leave handles open.
  process.exit(options.check && missed.length > 0 ? 1 : 0);
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        list: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        full: { type: "boolean", default: false },
        json: { type: "string" },
      },
    });
    const { list, check, json } = values;
    const quick = !values.full && (values.quick || check);
    return { list, check, json, quick, names: positionals };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

function machine() {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0],
    node: process.version,
    at: new Date().toISOString(),
  };
}
