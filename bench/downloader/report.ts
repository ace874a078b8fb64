/** From samples to ratios and lines. A ratio is the median of the ratios of neighbours in time. */
import type { Ratio } from "../bench.ts";
import { median, spread } from "../statistics.ts";
import type { LongFigures } from "./long.ts";
import { WAYS, type ArchiveFigures, type Way } from "./measure.ts";

export interface DownloaderFigures {
  readonly archives: ArchiveFigures;
  readonly long: LongFigures;
}

/** Those of a first download through Gantry and of the bare layers are shown, and nothing depends on them. */
const TARGETS: Partial<Record<Way, number>> = { alone: 0.4, "gantry, warm": 0.8 };
const MOST_GROWTH_MIB = 90;
const MIB = 1_048_576;

export function ratiosOf({ archives, long }: DownloaderFigures): Ratio[] {
  const times = WAYS.flatMap((way): Ratio[] => {
    const target = TARGETS[way];
    if (target === undefined) return [];
    const value = median(ratiosPerRound(archives, way));
    return [{ name: `archive, ${way}, time`, value, of: "skopeo's oci-archive", target, better: "lower" }];
  });
  const most = long.points.at(-1)?.most ?? Number.NaN;
  const growth: Ratio = {
    name: `archive of ${gb(long.bytes)}, growth of the server`,
    value: (most - long.before) / MIB / MOST_GROWTH_MIB,
    of: `${MOST_GROWTH_MIB} MiB`,
    target: 1,
    better: "lower",
  };
  return [...times, growth];
}

export function linesOf({ archives, long }: DownloaderFigures): string[] {
  const size = `${(archives.bytes / 1e6).toFixed(0)} MB in 8 layers`;
  const theirs = median(secondsOf(archives, "skopeo"));
  const ways = WAYS.map((way) => {
    const seconds = median(secondsOf(archives, way));
    const ratios = ratiosPerRound(archives, way);
    const rate = Math.round(archives.bytes / MIB / seconds);
    const ratio =
      way === "skopeo" ? "" : `, ${median(ratios).toFixed(2)} × skopeo (± ${(spread(ratios) * 100).toFixed(0)} %)`;
    return `${way.padEnd(12)} ${seconds.toFixed(2)} s, ${rate} MiB/s${ratio}`;
  });
  const points = long.points.map(({ bytes, most }) => `${mib(most)} by ${gb(bytes)}`).join(", ");
  const rate = Math.round(long.bytes / MIB / long.seconds);
  return [
    `an archive of ${size}, into a file (skopeo: ${theirs.toFixed(2)} s):`,
    ...ways,
    `${gb(long.bytes)} at ${rate} MiB/s; memory of the server: ${mib(long.before)} before, at most ${points}`,
  ];
}

function ratiosPerRound(archives: ArchiveFigures, way: Way): number[] {
  const theirs = secondsOf(archives, "skopeo");
  return secondsOf(archives, way).map((seconds, index) => seconds / (theirs[index] ?? Number.NaN));
}

function secondsOf({ rounds }: ArchiveFigures, wanted: Way): number[] {
  return rounds.flat().flatMap(({ way, seconds }) => (way === wanted ? seconds : []));
}

const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
const gb = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
