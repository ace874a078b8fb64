/** What several shards answer, as one answer. Pure. */
import type { Action, Plan } from "../plan/plan.ts";
import type { InstanceView } from "../views.ts";
import { summed } from "./summary.ts";

/** Each list is in the order of slots already. */
export function inSlotOrder(lists: readonly (readonly InstanceView[])[]): InstanceView[] {
  const [only] = lists;
  if (only !== undefined && lists.length === 1) return [...only];
  return lists
    .flat()
    .toSorted((a, b) => a.deployment.slot - b.deployment.slot || a.deployment.createdAt - b.deployment.createdAt);
}

export function mergedPlan(plans: readonly Plan[]): Plan {
  const looks = plans.flatMap(({ lookAt }) => (lookAt == null ? [] : [lookAt]));
  const times = plans.flatMap(({ requeueAt }) => (requeueAt === null ? [] : [requeueAt]));
  const unbegun = plans.flatMap((plan) => (plan.unbegun === null ? [] : [Object.fromEntries(plan.unbegun)]));
  return {
    actions: plans.flatMap(({ actions }) => actions).toSorted((a, b) => slotOf(a) - slotOf(b)),
    requeueAt: times.length === 0 ? null : Math.min(...times),
    lookAt: looks.length === 0 ? null : Math.min(...looks),
    explain: summed(plans.map(({ explain }) => explain)) as Plan["explain"],
    jobSteps: plans.flatMap(({ jobSteps }) => jobSteps),
    needsPlaces: plans.some(({ needsPlaces }) => needsPlaces),
    blocked: plans.find(({ blocked }) => blocked !== null)?.blocked ?? null,
    unbegun: unbegun.length === 0 ? null : new Map(Object.entries(summed(unbegun))),
    unbegunOwn: new Map(plans.flatMap((plan) => [...plan.unbegunOwn])),
  };
}

/** What is placed stands in the order of its slots, after all else. */
function slotOf(action: Action): number {
  return action.type === "place" ? action.slot : -1;
}
