/**
 * Where the next instance of an application goes. Pure: equal inputs give equal decisions.
 *
 * Candidates = enabled ∩ constraints ∩ capacity. Each scorer that applies gives −1 … 1; a candidate's score is their mean,
 * and among equal scores the one with the fewest instances wins, then the first by region (`ORDER`), then by code. Each decision carries the table
 * that it was made from.
 */
import { violated, type Constraints, type Location, type Region } from "./location.ts";

export interface Candidate {
  readonly location: Location;
  /** Live instances of this application here, those being started among them. */
  readonly used: number;
  /** Live instances here of the application that this one wants to be near. */
  readonly companions: number;
  /** How many more of this size fit; null when nothing limits them. */
  readonly free: number | null;
  /** A start of this slot failed here a moment ago. */
  readonly justFailed: boolean;
}

export interface PlacementRequest {
  readonly candidates: readonly Candidate[];
  readonly constraints: Constraints;
  /** True when another application is to be near. */
  readonly colocate: boolean;
}

export const SCORERS = ["spread", "weight", "colocation", "headroom", "penalty"] as const;
export type Scorer = (typeof SCORERS)[number];

export interface ScoreRow {
  readonly location: string;
  readonly scores: Readonly<Partial<Record<Scorer, number>>>;
  readonly score: number;
}

export interface Decision {
  /** Null: nowhere, for the reasons in `filtered`. */
  readonly location: string | null;
  readonly table: readonly ScoreRow[];
  /** How many locations each filter kept out. */
  readonly filtered: Readonly<Record<"disabled" | keyof Constraints | "capacity", number>>;
}

/** So little that it decides between locations that are otherwise alike, and never against an even spread. */
const HEADROOM_SCALE = 0.1;
/** Who asks to be near another application is spread over where that one is, not away from it. */
const SPREAD_SCALE_WHEN_COLOCATED = 0.4;

export function place(request: PlacementRequest): Decision {
  const filtered = { disabled: 0, regions: 0, jurisdiction: 0, cities: 0, pops: 0, capacity: 0 };
  const open: Candidate[] = [];
  for (const candidate of request.candidates) {
    const reason = closedBy(candidate, request.constraints);
    if (reason === null) open.push(candidate);
    else filtered[reason] += 1;
  }
  const scored = scoreAll(open, request.colocate);
  const best = scored.reduce<Scored | null>((a, b) => (a === null || isBetter(b, a) ? b : a), null);
  return { location: best?.row.location ?? null, table: scored.map(({ row }) => row), filtered };
}

interface Scored {
  readonly candidate: Candidate;
  readonly row: ScoreRow;
}

function closedBy({ location, free }: Candidate, constraints: Constraints): keyof Decision["filtered"] | null {
  if (!location.enabled) return "disabled";
  return violated(location, constraints) ?? (free !== null && free < 1 ? "capacity" : null);
}

/** Where the few instances of a small application go: to the regions with most users and most capacity first. */
const ORDER: readonly Region[] = ["ENAM", "WEUR", "WNAM", "EEUR", "APAC", "SAM", "OC", "ME", "AFR"];

function rankOf(region: Region): number {
  return ORDER.indexOf(region);
}

function isBetter(a: Scored, b: Scored): boolean {
  if (a.row.score !== b.row.score) return a.row.score > b.row.score;
  const [first, second] = [a.candidate, b.candidate];
  if (first.used !== second.used) return first.used < second.used;
  const ranks = rankOf(first.location.region) - rankOf(second.location.region);
  return ranks === 0 ? first.location.code < second.location.code : ranks < 0;
}

function scoreAll(open: readonly Candidate[], colocate: boolean): Scored[] {
  const used = open.map((candidate) => candidate.used);
  const min = used.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const max = used.reduce((a, b) => Math.max(a, b), 0);
  const total = used.reduce((a, b) => a + b, 0);
  const weights = open.reduce((sum, { location }) => sum + location.weight, 0);
  const isWeighted = open.some(({ location }) => location.weight !== open[0]?.location.weight);
  const companions = open.reduce((a, candidate) => Math.max(a, candidate.companions), 0);
  const roomiest = open.reduce((a, { free }) => Math.max(a, free ?? 0), 0);
  const isColocated = colocate && companions > 0;
  const scale = isColocated ? SPREAD_SCALE_WHEN_COLOCATED : 1;
  const hasPenalty = open.some(({ justFailed }) => justFailed);
  return open.map((candidate) => {
    const scores: Partial<Record<Scorer, number>> = {};
    if (isWeighted) scores.weight = scale * weightScore(candidate, weights, total + 1);
    else if (max > min) scores.spread = scale * (1 - (2 * (candidate.used - min)) / (max - min));
    if (isColocated) scores.colocation = candidate.companions / companions;
    if (roomiest > 0 && candidate.free !== null) scores.headroom = (HEADROOM_SCALE * candidate.free) / roomiest;
    if (hasPenalty) scores.penalty = candidate.justFailed ? -1 : 0;
    const values = Object.values(scores);
    const score = values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
    return { candidate, row: { location: candidate.location.code, scores, score } };
  });
}

/** How far a location is below its share of the instances, one more counted; −1 for one without a share. */
function weightScore({ used, location }: Candidate, weights: number, total: number): number {
  const share = (total * location.weight) / weights;
  return share <= 0 ? -1 : Math.max(-1, Math.min(1, (share - used) / share));
}
