/** From samples to ratios and lines. A ratio is the median of the ratios of neighbours in time. */
import type { Ratio } from "../bench.ts";
import { median, spread } from "../statistics.ts";
import type { LayerFigures } from "./layer.ts";
import type { ImageFigures, Sample, Way } from "./measure.ts";
import type { SideName } from "./servers.ts";

export interface RegistryFigures {
  readonly images: ImageFigures;
  readonly layers: readonly LayerFigures[];
}

const TARGETS: Record<Way, number> = { push: 2, pull: 1.2 };
/** Far below what passes; above what a runtime's heap breathes. */
const MOST_GROWTH_MIB = 96;
const MIB = 1_048_576;

export function ratiosOf({ images, layers }: RegistryFigures): Ratio[] {
  const times = (["push", "pull"] as const).map((way): Ratio => {
    const value = median(ratiosPerRound(images, way));
    return { name: `${way} of an image, time`, value, of: "docker-registry", target: TARGETS[way], better: "lower" };
  });
  const imageGrowth = Math.max(...images.rounds.flat().map(growthOf));
  const growths = [
    { name: "images, growth of workerd", growth: imageGrowth },
    ...layers.map(({ way, bytes, memory }) => ({
      name: `layer of ${gib(bytes)} ${way}, growth of workerd`,
      growth: memory.most - memory.before,
    })),
  ].map(({ name, growth }): Ratio => ({
    name,
    value: growth / MIB / MOST_GROWTH_MIB,
    of: `${MOST_GROWTH_MIB} MiB`,
    target: 1,
    better: "lower",
  }));
  return [...times, ...growths];
}

export function linesOf({ images, layers }: RegistryFigures): string[] {
  const size = `${(images.bytes / 1e6).toFixed(0)} MB in 8 layers`;
  const times = (["push", "pull"] as const).map((way) => {
    const [ours, theirs] = (["ours", "docker-registry"] as const).map((side) => secondsOf(images, side, way));
    const [ourMedian, theirMedian] = [median(ours ?? []), median(theirs ?? [])].map((value) => value.toFixed(2));
    const noise = (spread(ratiosPerRound(images, way)) * 100).toFixed(0);
    return `${way} of ${size}: ours ${ourMedian} s, docker-registry ${theirMedian} s (± ${noise} %)`;
  });
  const memory = images.rounds.flat().flatMap((sample) => sample.memory ?? []);
  const [first, most] = [memory[0]?.before ?? Number.NaN, Math.max(...memory.map((growth) => growth.most))];
  return [
    ...times,
    `workerd during all rounds: ${mib(first)} → at most ${mib(most)} → ${mib(memory.at(-1)?.before ?? Number.NaN)}`,
    ...layers.map(lineOfLayer),
  ];
}

function lineOfLayer({ way, bytes, seconds, memory }: LayerFigures): string {
  const rate = Math.round(bytes / MIB / seconds);
  return `layer of ${gib(bytes)} ${way}: ${rate} MiB/s, workerd ${mib(memory.before)} → at most ${mib(memory.most)}`;
}

function ratiosPerRound(images: ImageFigures, way: Way): number[] {
  const theirs = secondsOf(images, "docker-registry", way);
  return secondsOf(images, "ours", way).map((seconds, index) => seconds / (theirs[index] ?? Number.NaN));
}

function secondsOf({ rounds }: ImageFigures, side: SideName, way: Way): number[] {
  return rounds.flat().flatMap((sample) => (sample.side === side && sample.way === way ? sample.seconds : []));
}

const growthOf = ({ memory }: Sample) => (memory === null ? 0 : memory.most - memory.before);
const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(0)} GiB`;
