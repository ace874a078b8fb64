/** Decisions and plans, for people. */
import type * as z from "zod";
import { explainBlocked } from "../../orchestrator/placement/placing.ts";
import { wantedOf } from "../../orchestrator/warm.ts";
import type { Action } from "../../orchestrator/plan/plan.ts";
import type { InstanceView, PlannedView } from "../../orchestrator/views.ts";
import type { explainResult, plannedResult } from "../results/explain.ts";
import { wireBlocked } from "./application.ts";
import { requestedLocation, wireObserved } from "./instance.ts";
import { iso } from "../../iso.ts";

type Explanation = z.output<typeof explainResult>;
type Planned = z.output<typeof plannedResult>;
type Decision = NonNullable<Explanation["decision"]>;

export function wireExplanation(view: InstanceView): Explanation {
  const { deployment } = view;
  const { placement } = deployment;
  return {
    instance_id: view.instanceId,
    name: view.name,
    deployment_id: deployment.id,
    requested_location: requestedLocation(view),
    location: wireObserved(deployment),
    decided_at: placement === undefined ? null : iso(placement.decidedAt),
    decision: placement === undefined ? null : wireDecision(placement.decision),
    misplaced_before: placement?.misplaced ?? 0,
    blocked: view.blocked === undefined ? null : wireBlocked(view.blocked, view.retryAt ?? null),
  };
}

export function wirePlanned({ application, plan, instances }: PlannedView): Planned {
  const { row } = application;
  const names = new Map(instances.map(({ deployment, name }) => [deployment.id, name]));
  const { blocked } = plan;
  return {
    desired: { instances: wantedOf(row.spec), version: row.activeVersion, deleting: row.deleting },
    actions: plan.actions.map((action) => wireAction(action, names)),
    counts: { ...plan.explain },
    requeue_at: plan.requeueAt === null ? null : iso(plan.requeueAt),
    blocked:
      blocked === null
        ? null
        : {
            reason: blocked.reason,
            message: explainBlocked(blocked.reason),
            decision: blocked.decision === undefined ? null : wireDecision(blocked.decision),
          },
  };
}

function wireAction(action: Action, names: ReadonlyMap<string, string>): Planned["actions"][number] {
  const { type, reason } = action;
  if (action.type === "place") {
    const { slot, version, placing } = action;
    const where = placing === null ? {} : { location: placing.location.code, decision: wireDecision(placing.decision) };
    // What is in no pool has no number in it.
    return { type, reason, ...(slot < 0 ? {} : { slot }), version, ...where };
  }
  if (!("id" in action)) return { type, reason };
  const instance = names.get(action.id);
  return {
    type,
    reason,
    deployment_id: action.id,
    ...(instance === undefined ? {} : { instance }),
    ...(action.type === "start" ? { version: action.version } : {}),
  };
}

function wireDecision({ location, table, filtered }: { readonly [Key in keyof Decision]: Readonly<Decision[Key]> }) {
  return {
    location,
    table: table.map((row) => ({ location: row.location, score: row.score, scores: { ...row.scores } })),
    filtered: { ...filtered },
  };
}
