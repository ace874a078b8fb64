/** An image pushed to both and pulled from both, in turn, with the memory that workerd takes meanwhile. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../dev/runtime/run.ts";
import { growthDuring, workerdMemory, type Growth } from "../../test/e2e/memory.ts";
import { copyFlags, skopeo } from "../../test/e2e/registry-tools.ts";
import { makeImage, type BenchImage } from "./image.ts";
import type { RegistrySide, SideName } from "./servers.ts";

export type Way = "push" | "pull";

export interface Sample {
  readonly side: SideName;
  readonly way: Way;
  readonly seconds: number;
  /** Of all workerd processes, in bytes; null: none has to do with it. */
  readonly memory: Growth | null;
}

export interface ImageOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface ImageFigures {
  readonly bytes: number;
  /** By round. */
  readonly rounds: readonly (readonly Sample[])[];
}

export async function measureImages(sides: readonly RegistrySide[], options: ImageOptions): Promise<ImageFigures> {
  const { folder, rounds, log, signal } = options;
  const measured: Sample[][] = [];
  let bytes = 0;
  // One more than counts, for the just-in-time compilers and what each registry makes once.
  for (let round = 0; round <= rounds; round += 1) {
    const image = await makeImage(join(folder, "image"));
    bytes = image.bytes;
    // A B, B A: a drift of the machine cancels.
    const order = round % 2 === 0 ? sides : sides.toReversed();
    const samples: Sample[] = [];
    for (const way of ["push", "pull"] as const) {
      for (const side of order) {
        signal.throwIfAborted();
        samples.push(await sample(side, way, image, round, folder));
      }
    }
    if (round === 0) continue;
    log(
      `round ${round}: ${samples.map(({ side, way, seconds }) => `${way} ${side} ${seconds.toFixed(2)} s`).join(", ")}`,
    );
    measured.push(samples);
  }
  return { bytes, rounds: measured };
}

async function sample(
  { name, host, user }: RegistrySide,
  way: Way,
  image: BenchImage,
  round: number,
  folder: string,
): Promise<Sample> {
  const there = `docker://${host}/bench/round-${round}:latest`;
  const here = join(folder, "pulled");
  const [from, to] = way === "push" ? [image.reference, there] : [there, `dir:${here}`];
  const flags = way === "push" ? copyFlags(null, user) : copyFlags(user, null);
  // What somebody else wrote is not to be waited for.
  await run("sync", []);
  let seconds = Number.NaN;
  const copy = async () => {
    const began = performance.now();
    await skopeo("copy", "--quiet", "--preserve-digests", ...flags, from, to);
    seconds = (performance.now() - began) / 1_000;
  };
  const memory = name === "ours" ? await growthDuring(workerdMemory, copy) : await copy().then(() => null);
  await rm(here, { recursive: true, force: true });
  return { side: name, way, seconds, memory };
}
