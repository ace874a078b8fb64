/**
 * How long the downloader takes to make an archive of an image, as a server alone and as an application of Gantry, against
 * skopeo in one run; and how much memory it takes for one that is larger than memory.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleDownloader, startDownloader } from "../test/e2e/downloader/server.ts";
import { startDockerRegistry } from "../test/e2e/registry-tools.ts";
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { measureLong } from "./downloader/long.ts";
import { measureArchives, PUBLIC_HOST, type ArchiveFigures } from "./downloader/measure.ts";
import { startPlane } from "./downloader/plane.ts";
import { linesOf, ratiosOf } from "./downloader/report.ts";

/** `ARCHIVE_GB` of the environment: another length. */
const ARCHIVE_GB = { quick: 5, full: 20 };

export const downloaderBench: Bench = {
  name: "downloader",
  summary: "an archive of an image of 504 MB, alone and through Gantry, against skopeo; one of 20 GB (--quick: 5)",
  run,
};

async function run(options: BenchOptions): Promise<BenchResult> {
  await bundleDownloader();
  const { archives, notes } = await archivesOf(options);
  const gb = Number(process.env["ARCHIVE_GB"] ?? (options.quick ? ARCHIVE_GB.quick : ARCHIVE_GB.full));
  options.log(`an archive of ${gb} GB …`);
  const figures = { archives, long: await measureLong(gb, options.signal) };
  return { ratios: ratiosOf(figures), lines: [...linesOf(figures), ...notes], figures };
}

async function archivesOf({ quick, log, signal }: BenchOptions): Promise<{
  readonly archives: ArchiveFigures;
  readonly notes: readonly string[];
}> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-bench-archive-"));
  const ends: (() => Promise<void>)[] = [async () => await rm(folder, { recursive: true, force: true })];
  try {
    const registry = await startDockerRegistry();
    ends.push(async () => await registry.stop());
    const alone = await startDownloader();
    ends.push(async () => await alone.stop());
    const plane = await startPlane({ [PUBLIC_HOST]: `http://${registry.host}` }, log);
    ends.push(async () => await plane.close());
    const sides = { registry: registry.host, alone, plane };
    return {
      archives: await measureArchives(sides, { folder, rounds: quick ? 3 : 7, log, signal }),
      notes: plane.notes,
    };
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

if (import.meta.main) await runFromCommandLine([downloaderBench]);
