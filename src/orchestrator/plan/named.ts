/**
 * Deployments that are called by name: who of those that are called may be awake. Pure. One starts when it is called, and
 * sleeps again when it ends, however it ended: the next call starts it, as soon as its back-off allows.
 */
import { isLeaving, isNamed, type Deployment } from "./deployment.ts";
import type { Desired } from "./selection.ts";

export interface Calls {
  /** Ids of sleeping deployments that are to start. */
  readonly woken: ReadonlySet<string>;
  /** Names that get their first deployment. */
  readonly arrivals: readonly string[];
}

const NOBODY: Calls = { woken: new Set(), arrivals: [] };

/** In the order of `called`, as far as there is room. A user's hold is not lifted by a call. */
export function admitted(
  deployments: readonly Deployment[],
  called: readonly string[],
  { namedInstances = 0, deleting }: Desired,
): Calls {
  if (called.length === 0 || deleting) return NOBODY;
  const named = new Map(deployments.filter(isNamed).map((deployment) => [deployment.name, deployment]));
  let room = namedInstances - awakeCount(deployments);
  const woken = new Set<string>();
  const arrivals: string[] = [];
  for (const name of called) {
    if (room <= 0) break;
    const deployment = named.get(name);
    if (deployment === undefined) arrivals.push(name);
    else if (isWakeable(deployment)) woken.add(deployment.id);
    else continue;
    room -= 1;
  }
  return { woken, arrivals };
}

/** Those that take room: what is on its way out or to its sleep does so until it is there. */
export function awakeCount(deployments: readonly Deployment[]): number {
  return deployments.filter((d) => isNamed(d) && (d.phase !== "pending" || d.isAsleep !== true)).length;
}

function isWakeable(deployment: Deployment): boolean {
  return deployment.phase === "pending" && deployment.isAsleep === true && !deployment.held && !isLeaving(deployment);
}
