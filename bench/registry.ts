/**
 * How long an image takes to be pushed to the registry and pulled from it with skopeo, against Debian's docker-registry in
 * one run; and how much memory it takes, also for a layer that is larger than memory.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, BenchOptions, BenchResult } from "./bench.ts";
import { runFromCommandLine } from "./command-line.ts";
import { measureLayer, type LayerFigures } from "./registry/layer.ts";
import { measureImages } from "./registry/measure.ts";
import { linesOf, ratiosOf } from "./registry/report.ts";
import { startOurs, startPeer, type RegistrySide } from "./registry/servers.ts";

const GIB = 2 ** 30;
/** `LAYER_GIB` of the environment: another length of the layer. */
const LAYER_GIB = { quick: 1, full: 10 };

export const registryBench: Bench = {
  name: "registry",
  summary: "an image of 504 MB pushed and pulled with skopeo, against docker-registry; a layer of 10 GiB (--quick: 1)",
  run,
};

async function run({ quick, log, signal }: BenchOptions): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), "gantry-bench-image-"));
  try {
    const images = await withSides(
      [startOurs, startPeer],
      async (sides) => await measureImages(sides, { folder, rounds: quick ? 3 : 7, log, signal }),
    );
    const size = Number(process.env["LAYER_GIB"] ?? (quick ? LAYER_GIB.quick : LAYER_GIB.full)) * GIB;
    const layers: LayerFigures[] = [];
    for (const inChunks of [false, true]) {
      signal.throwIfAborted();
      log(`a layer of ${size / GIB} GiB ${inChunks ? "in chunks" : "in one request"} …`);
      layers.push(
        ...(await withSides(
          [startOurs],
          async ([ours]) => await measureLayer(ours, { bytes: size, inChunks, signal }),
        )),
      );
    }
    const figures = { images, layers };
    return { ratios: ratiosOf(figures), lines: linesOf(figures), figures };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Sides = readonly [RegistrySide, ...RegistrySide[]];

/** Each has a disk of its own: what one run left is not in the way of the next. */
async function withSides<T>(
  starts: readonly (() => Promise<RegistrySide>)[],
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  const sides: RegistrySide[] = [];
  try {
    for (const start of starts) sides.push(await start());
    const [first, ...others] = sides;
    if (first === undefined) throw new Error("nothing to measure");
    return await work([first, ...others]);
  } finally {
    await Promise.allSettled(sides.map(async (side) => await side.stop()));
  }
}

if (import.meta.main) await runFromCommandLine([registryBench]);
