/**
 * Instances that make room for applications of a higher priority. Their slots stay and wait for room: nothing of them has
 * failed. Which ones go is decided here; how many may stay, by the account.
 */
import type { EvictionOrder } from "../../account/capacity/statement.ts";
import { ANYWHERE } from "../../account/locations.ts";
import type { Database } from "../../database.ts";
import { appendEvents, type EventDraft } from "../events.ts";
import { intendStop } from "../intents.ts";
import { isAvailable, isLive, runsJobs, STOP, type Deployment } from "../plan/deployment.ts";
import type { ApplicationRow } from "../storage/application-row.ts";

export interface Evicted {
  readonly next: Deployment;
  readonly events: readonly EventDraft[];
}

/** Only services are: jobs run to their end. */
export function mayBePreempted({ spec, deleting }: Pick<ApplicationRow, "spec" | "deleting">): boolean {
  return spec.isPreemptible !== false && !deleting;
}

/** What has not proved itself goes first, then what takes no traffic, then the youngest slot; what is busy last. */
export function intendEvictions(deployments: readonly Deployment[], order: EvictionOrder, now: number): Evicted[] {
  const live = deployments.filter((d) => isLive(d) && (d.location ?? ANYWHERE) === order.location);
  return live
    .filter((deployment) => !runsJobs(deployment))
    .toSorted((a, b) => worth(a) - worth(b) || b.slot - a.slot)
    .slice(0, Math.max(0, live.length - order.ceiling))
    .map((deployment, index) => {
      const { next, event } = intendStop(deployment, STOP.preempted, now);
      return { next, events: [event, preempted(next, order.by[index] ?? order.by[0] ?? "")] };
    });
}

function worth(deployment: Deployment): number {
  if (deployment.phase === "starting") return 0;
  if (deployment.isBusy === true) return 3;
  return isAvailable(deployment) ? 2 : 1;
}

function preempted(deployment: Deployment, by: string): EventDraft {
  return {
    type: "Warn",
    name: "Preempted",
    message: `makes room for application ${by}, which has a higher priority; it is placed again when there is room`,
    deployment: deployment.id,
    generation: deployment.generation,
    details: { by },
  };
}

export function tellRoomMade(
  db: Database,
  made: { readonly application: string; readonly location: string; readonly count: number },
  now: number,
): void {
  const { application, location, count } = made;
  const message = `${count} instances of application ${application} are being stopped to make room for this one`;
  db.transaction(() => {
    appendEvents(
      db,
      [{ type: "Info", name: "PreemptedOther", message, details: { application, location, count } }],
      now,
    );
  });
}
