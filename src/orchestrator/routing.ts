/** The routing snapshot: which instances take traffic. The Worker caches it and calls instances directly. */
import type { IngressMode } from "../api/schemas/application.ts";
import type { LaunchSpec } from "./launch-spec.ts";
import { isAvailable, isPooled, type Deployment } from "./plan/deployment.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface RoutingMember {
  readonly deploymentId: string;
  readonly instanceId: string;
}

export interface Routing {
  readonly applicationId: string;
  readonly accountId: string;
  readonly name: string;
  readonly ingress: IngressMode;
  readonly port: number;
  /** How many there are to be, or may come to be. */
  readonly desired: number;
  readonly members: readonly RoutingMember[];
}

export function routingOf(
  row: ApplicationRow,
  spec: LaunchSpec,
  deployments: readonly Deployment[],
  publicId: (deploymentId: string) => string,
): Routing {
  return {
    applicationId: row.id,
    accountId: row.accountId,
    name: row.name,
    ingress: row.spec.ingress,
    port: spec.port,
    desired: row.spec.autoscaling?.max ?? row.spec.instances,
    members: deployments
      .filter((d) => isPooled(d) && isAvailable(d))
      .map(({ id }) => ({ deploymentId: id, instanceId: publicId(id) })),
  };
}
