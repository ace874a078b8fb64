/** From answers and counts to lines and verdicts. */
import type { Ratio } from "../bench.ts";
import { percentile } from "../statistics.ts";
import type { Answered } from "./load.ts";

/** How many instances there were to be, and how many took requests. */
export interface CountSample {
  readonly at: number;
  readonly wanted: number;
  readonly ready: number;
}

export interface AutoscaleFigures {
  readonly answers: readonly Answered[];
  readonly counts: readonly CountSample[];
  /** When the load had come to its most, and began to fall; the latter is null in a quick run. */
  readonly peakAt: number;
  readonly fallAt: number | null;
  readonly wantedAtPeak: number;
  readonly wantedAtEnd: number;
}

/** The autoscaler's average. */
const WINDOW_MS = 60_000;
const BUCKET_MS = 15_000;

export function ratiosOf(figures: AutoscaleFigures): Ratio[] {
  const { answers, counts, peakAt, fallAt, wantedAtPeak, wantedAtEnd } = figures;
  const scaledAt = counts.find(({ ready }) => ready >= wantedAtPeak)?.at ?? Number.POSITIVE_INFINITY;
  const failed = answers.filter(({ status }) => status !== 200).length;
  const ratios = [
    lower("answers other than 200", failed, 0, `one of ${answers.length}`),
    lower("from the full load to as many as it asks for", Math.max(0, scaledAt - peakAt) / WINDOW_MS, 2, "a window"),
    lower("changes of direction", turns(counts), fallAt === null ? 0 : 1, "one"),
  ];
  if (fallAt === null) return ratios;
  const left = counts.at(-1)?.wanted ?? Number.POSITIVE_INFINITY;
  return [
    ...ratios,
    lower("instances after the load has gone and settled", left / wantedAtEnd, 1, "those it asks for"),
  ];
}

function lower(name: string, value: number, target: number, of: string): Ratio {
  return { name, value, target, better: "lower", of };
}

/** Up and down again, or down and up. */
function turns(counts: readonly CountSample[]): number {
  let direction = 0;
  let found = 0;
  for (const [index, { wanted }] of counts.entries()) {
    const step = Math.sign(wanted - (counts[index - 1]?.wanted ?? wanted));
    if (step === 0) continue;
    if (direction !== 0 && step !== direction) found += 1;
    direction = step;
  }
  return found;
}

export function linesOf({ answers, counts }: AutoscaleFigures): string[] {
  const end = Math.max(...counts.map(({ at }) => at));
  const lines = ["      at   requests  statuses            late p50     p99      max   instances wanted, ready"];
  for (let from = 0; from < end - BUCKET_MS / 2; from += BUCKET_MS) {
    const inside = <T extends { readonly at: number }>(all: readonly T[]) =>
      all.filter(({ at }) => at >= from && at < from + BUCKET_MS);
    const late = inside(answers).map(({ lateMs }) => lateMs);
    const count = inside(counts).at(-1);
    lines.push(
      [
        `${from / 1_000} s`.padStart(8),
        String(late.length).padStart(10),
        `  ${statuses(inside(answers))}`.padEnd(18),
        ...[0.5, 0.99, 1].map((part) => `${percentile(late, part).toFixed(0)} ms`.padStart(9)),
        `   ${count?.wanted ?? "?"}, ${count?.ready ?? "?"}`,
      ].join(""),
    );
  }
  const whys = new Set(answers.flatMap(({ status, why }) => (why === undefined ? [] : [`${status}: ${why}`])));
  return [...lines, `all: ${statuses(answers)}`, ...whys];
}

function statuses(answers: readonly Answered[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(", ");
}
