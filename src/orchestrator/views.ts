/** What the Application object tells the API: plain data, close to the rows. The wire form is made in `src/api`. */
import type { Configuration } from "../api/schemas/configuration.ts";
import {
  applicationState,
  countHealth,
  instanceState,
  type ApplicationState,
  type HealthCounts,
  type InstanceState,
} from "./health.ts";
import type { Deployment } from "./plan/deployment.ts";
import { instanceName } from "./scheduler.ts";
import type { ApplicationRow } from "./storage/application-row.ts";

export interface ApplicationView {
  readonly row: ApplicationRow;
  readonly configuration: Configuration;
  readonly health: HealthCounts;
  readonly state: ApplicationState;
}

export interface InstanceView {
  readonly instanceId: string;
  readonly name: string;
  readonly state: InstanceState;
  readonly deployment: Deployment;
  readonly configuration: Configuration;
}

export function applicationView(
  row: ApplicationRow,
  configuration: Configuration,
  instances: readonly InstanceView[],
): ApplicationView {
  const deployments = instances.map((instance) => instance.deployment);
  const health = countHealth(deployments, row.spec.instances);
  return { row, configuration, health, state: applicationState(health) };
}

export function instanceViews(
  row: ApplicationRow,
  deployments: readonly Deployment[],
  publicId: (deploymentId: string) => string,
  configurationOf: (version: number) => Configuration,
): InstanceView[] {
  return deployments
    .toSorted((a, b) => a.slot - b.slot || a.createdAt - b.createdAt)
    .map((deployment) => ({
      instanceId: publicId(deployment.id),
      name: instanceName(row.name, deployment.slot),
      state: instanceState(deployment),
      deployment,
      configuration: configurationOf(deployment.version),
    }));
}
