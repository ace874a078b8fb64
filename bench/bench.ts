/** What a benchmark is: something that measures Gantry against a peer in one run and gives ratios. */

export interface BenchOptions {
  /** Fewer repetitions, for CI. */
  readonly quick: boolean;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Ratio {
  readonly name: string;
  /** Ours divided by the peer's, or by what `of` says. */
  readonly value: number;
  readonly of?: string;
  /** The design's number. */
  readonly target: number;
  readonly better: "higher" | "lower";
}

export interface BenchResult {
  readonly ratios: readonly Ratio[];
  /** For people, one line each. */
  readonly lines: readonly string[];
  /** Everything that was measured, for a file. */
  readonly figures: unknown;
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

/** A shared machine is noisy: a check fails beyond this much below the target. */
const SLACK = 0.2;

export function limitOf({ target, better }: Ratio): number {
  return better === "higher" ? target * (1 - SLACK) : target * (1 + SLACK);
}

export function meets(ratio: Ratio): boolean {
  const limit = limitOf(ratio);
  return ratio.better === "higher" ? ratio.value >= limit : ratio.value <= limit;
}

export function describeRatio(ratio: Ratio): string {
  const sign = ratio.better === "higher" ? "≥" : "≤";
  const limit = `target ${sign} ${ratio.target.toFixed(2)}, with slack ${sign} ${limitOf(ratio).toFixed(2)}`;
  return `${ratio.name}: ${ratio.value.toFixed(2)} × ${ratio.of ?? "the peer"} (${limit})`;
}
