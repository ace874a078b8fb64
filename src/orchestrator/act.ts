/** A user's action on one instance, from guard to event: done once, however often it is sent. */
import { GantryError } from "../errors.ts";
import type { ApplicationCore } from "./application-core.ts";
import { EVENTS_KEPT, listEvents } from "./events.ts";
import type { ActionContext, Decision } from "./instance-actions.ts";
import { nameOf } from "./names.ts";
import type { Deployment } from "./plan/deployment.ts";
import type { InstanceView } from "./views.ts";
import { requireGuard, type WriteGuard } from "./write-guard.ts";

/** Null when there is no such instance. */
export function act(
  core: ApplicationCore,
  deployment: Deployment | undefined,
  actor: string,
  guard: WriteGuard | null,
  decide: (deployment: Deployment, context: ActionContext) => Decision,
  signal?: number,
): InstanceView | null {
  const row = core.mustRow();
  requireGuard(core.db, row, guard, Date.now());
  if (deployment === undefined) return null;
  // An earlier try of this very request has done it, whatever has become of the instance since.
  if (guard?.isRetry === true && wasDone(core, deployment.id, guard.seed)) {
    return core.views.instances(row, [deployment])[0] ?? null;
  }
  const request = guard === null ? {} : { request: guard.seed };
  const own = signal === undefined ? request : { ...request, signal };
  const context = { actor, ...own, kind: row.kind, name: nameOf(row.name, deployment) };
  const decision = decide(deployment, context);
  if (decision.type === "refused") throw new GantryError(decision.code, decision.message, decision.details);
  return core.views.instances(row, [core.scheduler.act(deployment, decision)])[0] ?? null;
}

function wasDone({ db }: ApplicationCore, deployment: string, seed: string): boolean {
  const { events } = listEvents(db, 0, EVENTS_KEPT, { deployment });
  return events.some(({ details }) => details?.["request"] === seed);
}
