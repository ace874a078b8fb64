/** One instance by its own address: who may call it, which of its ports, and why it takes no requests. Pure. */
import type { IngressMode } from "../api/schemas/application.ts";
import type { NetworkMode } from "../api/schemas/network.ts";
import type { StoredConfiguration } from "./configurations.ts";
import type { LaunchSpec } from "./launch-spec.ts";
import { listeningPorts, networkOf, type Port } from "./network.ts";
import { isLeaving, type Deployment } from "./plan/deployment.ts";
import type { RoutingMember } from "./routing.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface Unavailable {
  readonly reason: string;
  /** It takes requests again without anybody's doing, or with the next call. */
  readonly isPassing: boolean;
  readonly retryAfterS: number;
}

export interface AddressedInstance {
  readonly member: RoutingMember;
  /** A call starts it when it sleeps. */
  readonly isNamed: boolean;
  readonly instanceName: string;
  readonly mode: NetworkMode;
  /** Those that it is known to listen on. */
  readonly ports: readonly Port[];
  readonly defaultPort: number;
  /** Null when it takes requests. */
  readonly unavailable: Unavailable | null;
}

export interface InstanceRouting {
  readonly applicationId: string;
  readonly accountId: string;
  readonly name: string;
  readonly ingress: IngressMode;
  /** A call makes the instance that is not there. */
  readonly hasNamed: boolean;
  /** Null when the application has no such instance. */
  readonly instance: AddressedInstance | null;
}

export function instanceRoutingOf(row: ApplicationRow, instance: AddressedInstance | null): InstanceRouting {
  const { id: applicationId, accountId, name, spec } = row;
  const hasNamed = (spec.namedInstances ?? 0) > 0;
  return { applicationId, accountId, name, ingress: spec.ingress, hasNamed, instance };
}

/** `configuration` and `spec` are those of the version that the deployment was started with. */
export function addressedInstance(
  deployment: Deployment,
  { configuration, spec }: { readonly configuration: StoredConfiguration; readonly spec: LaunchSpec },
  names: RoutingMember & { readonly instanceName: string },
  now: number,
): AddressedInstance {
  const { deploymentId, instanceId, instanceName } = names;
  return {
    member: { deploymentId, instanceId },
    isNamed: deployment.name !== undefined,
    instanceName,
    mode: networkOf(configuration).mode,
    ports: listeningPorts(configuration),
    defaultPort: spec.port,
    // What only stands by since a rollout is out of the pool's traffic, and not out of reach.
    unavailable: deployment.ready && !deployment.cordoned ? null : whyNot(deployment, now),
  };
}

function whyNot(deployment: Deployment, now: number): Unavailable {
  const { phase, nextStartAt, last, cordoned, held, readyAt } = deployment;
  if (isLeaving(deployment)) return { ...soon("it is being removed"), isPassing: false };
  if (held) return { ...soon("it was stopped by a user and stays so until it is started"), isPassing: false };
  if (cordoned) return { ...soon("it is cordoned"), isPassing: false };
  if (deployment.isAsleep === true) return soon("it sleeps until it is called");
  if (phase === "stopping") return soon(`it is being stopped (${deployment.stopReason ?? "Stopped"})`);
  if (phase === "starting") return soon("it is being started");
  if (phase === "running") return soon(readyAt === null ? "it is not ready yet" : "its checks fail");
  const waitS = Math.max(1, Math.ceil((nextStartAt - now) / 1_000));
  const why = last === null ? "it has not been started" : `its container ended (${last.reason})`;
  return { reason: `${why}; it is started again in ${waitS} s`, isPassing: true, retryAfterS: waitS };
}

function soon(reason: string): Unavailable {
  return { reason, isPassing: true, retryAfterS: 1 };
}
