/**
 * Which member of a pool gets the next request. Pure. The nearest region to the caller that has an open member answers:
 * there the less loaded of two random ones, which is nearly as even as asking all and needs no shared state. Where all
 * of a region carry as much as they are to, the next nearest answers, until there is room again. Spare members answer
 * only where nobody else is left.
 */
import { nearestFirst } from "../orchestrator/placement/distance.ts";
import type { Region } from "../orchestrator/placement/location.ts";
import type { RoutingMember } from "../orchestrator/routing.ts";

export interface Wish {
  /** Deployments that were asked already. */
  readonly tried: ReadonlySet<string>;
  /** Of the caller; null: none is preferred. */
  readonly from: Region | null;
  /** What one member is to have under way before another region is asked. */
  readonly target: number;
  /** What a member has under way. */
  readonly load: (member: RoutingMember) => number;
  readonly random: () => number;
}

interface Group {
  readonly members: readonly RoutingMember[];
  readonly byRegion: ReadonlyMap<Region | null, readonly RoutingMember[]>;
}

interface Pool {
  readonly serving: Group;
  readonly spare: Group;
}

/** A snapshot's members are grouped once, and asked thousands of times. */
const pools = new WeakMap<readonly RoutingMember[], Pool>();

/** Undefined when every member was tried. */
export function choose(members: readonly RoutingMember[], wish: Wish): RoutingMember | undefined {
  const { serving, spare } = poolOf(members);
  return chooseOf(serving, wish) ?? chooseOf(spare, wish);
}

/** Whether it matters where the caller is. */
export function isSpread(members: readonly RoutingMember[]): boolean {
  const { serving, spare } = poolOf(members);
  return serving.byRegion.size > 1 || spare.byRegion.size > 1;
}

function chooseOf({ members, byRegion }: Group, wish: Wish): RoutingMember | undefined {
  if (wish.from === null || byRegion.size <= 1) return lesserOfTwo(openOf(members, wish), wish);
  let least: RoutingMember | undefined;
  for (const region of [...nearestFirst(wish.from), null]) {
    const open = openOf(byRegion.get(region) ?? NOBODY, wish);
    const one = lesserOfTwo(open, wish);
    if (one === undefined) continue;
    if (wish.load(one) < wish.target) return one;
    const free = open.filter((member) => wish.load(member) < wish.target);
    if (free.length > 0) return free[at(wish, free.length)];
    if (least === undefined || wish.load(one) < wish.load(least)) least = one;
  }
  return least;
}

const NOBODY: readonly RoutingMember[] = [];

function openOf(members: readonly RoutingMember[], { tried }: Wish): readonly RoutingMember[] {
  return tried.size === 0 ? members : members.filter(({ deploymentId }) => !tried.has(deploymentId));
}

function lesserOfTwo(open: readonly RoutingMember[], wish: Wish): RoutingMember | undefined {
  if (open.length <= 1) return open[0];
  const first = at(wish, open.length);
  // Any other one, evenly.
  const second = (first + 1 + at(wish, open.length - 1)) % open.length;
  const [a, b] = [open[first], open[second]];
  if (a === undefined || b === undefined) return a ?? b;
  return wish.load(b) < wish.load(a) ? b : a;
}

function at({ random }: Wish, length: number): number {
  return Math.floor(random() * length);
}

function poolOf(members: readonly RoutingMember[]): Pool {
  const known = pools.get(members);
  if (known !== undefined) return known;
  const pool = {
    serving: groupOf(members.filter(({ isSpare }) => isSpare !== true)),
    spare: groupOf(members.filter(({ isSpare }) => isSpare === true)),
  };
  pools.set(members, pool);
  return pool;
}

function groupOf(members: readonly RoutingMember[]): Group {
  return { members, byRegion: Map.groupBy(members, ({ region }) => region ?? null) };
}
