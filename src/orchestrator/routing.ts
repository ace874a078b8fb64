/** The routing snapshot: which instances take traffic. The Worker caches it and calls instances directly. */
import type { IngressMode } from "../api/schemas/application.ts";
import type { LaunchSpec } from "./launch-spec.ts";
import { isRegion, type Region } from "./placement/location.ts";
import { isAvailable, isPooled, type Deployment } from "./plan/deployment.ts";
import type { RolloutMark, Traffic } from "./rollouts/mark.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface RoutingMember {
  readonly deploymentId: string;
  readonly instanceId: string;
  /** Where it was found to be, or was asked to be; absent where neither is known. */
  readonly region?: Region;
  /** Since when it takes requests. */
  readonly readyAt?: number;
  /** Beyond what is needed: it answers where nobody else is left. */
  readonly isSpare?: boolean;
  /** It runs what the rollout under way brings. */
  readonly isTarget?: true;
}

export interface Routing {
  readonly applicationId: string;
  readonly accountId: string;
  readonly name: string;
  readonly ingress: IngressMode;
  /** Beside its own; absent when it has none. */
  readonly hostnames?: readonly string[];
  /** Of the active version: what runs another one listens where that says. */
  readonly port: number;
  /** How many there are to be, or may come to be. */
  readonly desired: number;
  /** What a member is to have under way before members of another region are asked. */
  readonly target: number;
  readonly members: readonly RoutingMember[];
  /** Absent: whoever takes any. Those that take none are no members. */
  readonly traffic?: Traffic;
  /** The one under way that says so. */
  readonly rolloutId?: string;
}

/** Where no `target_concurrency` says it. */
export const DEFAULT_TARGET = 20;

export function routingOf(
  row: ApplicationRow,
  spec: LaunchSpec,
  deployments: readonly Deployment[],
  publicId: (deploymentId: string) => string,
  isTarget: (version: number) => boolean = () => false,
): Routing {
  const { rollout } = row;
  return {
    applicationId: row.id,
    accountId: row.accountId,
    name: row.name,
    ingress: row.spec.ingress,
    ...(row.spec.hostnames === undefined ? {} : { hostnames: row.spec.hostnames }),
    port: spec.port,
    desired: row.spec.autoscaling?.max ?? row.spec.instances,
    target: targetOf(row),
    members: deployments
      .filter(isMember)
      .map((deployment) => {
        const member = memberOf(deployment, publicId(deployment.id));
        return rollout !== undefined && isTarget(deployment.version) ? { ...member, isTarget: true as const } : member;
      })
      .filter((member) => takesRequests(rollout, member.isTarget === true)),
    ...(rollout === undefined || rollout.traffic.kind === "any"
      ? {}
      : { traffic: rollout.traffic, rolloutId: rollout.id }),
  };
}

/** Of the pool, and takes traffic. */
export function isMember(deployment: Deployment): boolean {
  return isPooled(deployment) && isAvailable(deployment);
}

/** As far as a rollout has a say in it. */
export function takesRequests(rollout: Pick<RolloutMark, "traffic"> | undefined, isTarget: boolean): boolean {
  switch (rollout?.traffic.kind) {
    case "only": {
      return (rollout.traffic.side === "to") === isTarget;
    }
    case "none": {
      return false;
    }
    case "any":
    case "split":
    case undefined: {
      return true;
    }
  }
}

function targetOf({ spec: { autoscaling } }: ApplicationRow): number {
  return autoscaling?.target.kind === "concurrency" ? autoscaling.target.value : DEFAULT_TARGET;
}

function memberOf({ id: deploymentId, placement, readyAt }: Deployment, instanceId: string): RoutingMember {
  const observed = placement?.observed?.region ?? "";
  const region = isRegion(observed) ? observed : placement?.region;
  return {
    deploymentId,
    instanceId,
    ...(region === undefined ? {} : { region }),
    ...(readyAt === null ? {} : { readyAt }),
  };
}
