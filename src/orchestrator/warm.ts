/**
 * The warm pool: members of an application that are started beyond what is needed, so that one is ready when another is
 * lost or more are needed. No row says which: of those that are ready, as many as are needed serve, and the others are
 * spare. Who steps in for whom is therefore never written, and never late. Pure.
 */
import type { RoutingMember } from "./routing.ts";
import type { ApplicationSpec } from "./storage/application-row.ts";

/** Above what the planner is built for. */
export const MAX_INSTANCES = 10_000;

/** `most`: of `max_instances`, which may be none. */
export function tooManyWarm(warm: number, pool: number, most: number): string {
  const [ceiling, name] = most <= MAX_INSTANCES ? [most, `max_instances (${most})`] : [MAX_INSTANCES, MAX_INSTANCES];
  return `${pool} instances and ${warm} warm ones are ${pool + warm - ceiling} more than ${name}: lower warm, or make room`;
}

/** What the pool is to run: what is needed, and what is kept beyond it. */
export function wantedOf({ instances, warm = 0 }: Pick<ApplicationSpec, "instances" | "warm">): number {
  return instances + warm;
}

/** The most that the pool may come to: room for it is kept. */
export function mostWantedOf(spec: Pick<ApplicationSpec, "instances" | "warm" | "autoscaling">): number {
  return wantedOf({ ...spec, instances: spec.autoscaling?.max ?? spec.instances });
}

/**
 * The members that serve first, `count` of them, then the spare ones. Each region has one that serves before any has two,
 * and in a region those serve that have been ready for longest: who steps in stays, and who comes back is spare.
 */
export function withSpares(members: readonly RoutingMember[], count: number): readonly RoutingMember[] {
  if (members.length <= count) return members;
  const turns = new Map<string, number>();
  const inTurn = members
    .toSorted((a, b) => (a.readyAt ?? 0) - (b.readyAt ?? 0))
    .map((member) => {
      const region = member.region ?? "";
      const turn = turns.get(region) ?? 0;
      turns.set(region, turn + 1);
      return { member, turn };
    })
    .toSorted((a, b) => a.turn - b.turn);
  const serving = new Set(inTurn.slice(0, count).map(({ member }) => member));
  const spare = members.filter((member) => !serving.has(member));
  return [...members.filter((member) => serving.has(member)), ...spare.map((member) => ({ ...member, isSpare: true }))];
}
