/** Deployments in Cloudflare's field names. */
import { ANYWHERE } from "../../account/locations.ts";
import type { StoredConfiguration } from "../../orchestrator/configurations.ts";
import { networkOf } from "../../orchestrator/network.ts";
import { currentPlacement, isPlaced } from "../../orchestrator/placements.ts";
import type { Location } from "../../orchestrator/placement/location.ts";
import type { ApplicationView, InstanceView } from "../../orchestrator/views.ts";
import { wireConfiguration } from "./application.ts";
import { wirePlacement, type OwnAddresses } from "./placement.ts";
import { iso } from "../../iso.ts";

export interface DeploymentContext {
  readonly locations: readonly Location[];
  /** By deployment. */
  readonly addresses: ReadonlyMap<string, OwnAddresses>;
}

/** What is to run in a standalone deployment is its newest configuration; in another, what its application gave it. */
export function configurationOf(application: ApplicationView, { configuration }: InstanceView): StoredConfiguration {
  return application.row.kind === "deployment" ? application.configuration : configuration;
}

export function wireDeployment(application: ApplicationView, instance: InstanceView, context: DeploymentContext) {
  const { row } = application;
  const { deployment } = instance;
  const configuration = configurationOf(application, instance);
  const isStandalone = row.kind === "deployment";
  const version = isStandalone ? row.activeVersion : deployment.version;
  const { network: _, ...rest } = wireConfiguration(configuration);
  const addresses = context.addresses.get(deployment.id) ?? {};
  const placement = currentPlacement(deployment);
  return {
    ...rest,
    id: deployment.id,
    ...(isStandalone && row.name !== `deployment-${row.id}` ? { name: row.name.slice("deployment-".length) } : {}),
    account_id: row.accountId,
    instance_id: instance.instanceId,
    ...(isStandalone ? {} : { app_id: row.id, app_version: deployment.version }),
    created_at: iso(deployment.createdAt),
    version: version - 1,
    type: "default",
    location: wireLocation(configuration.location ?? deployment.location ?? null, context.locations),
    memory: `${rest.memory_mib}MiB`,
    network: { mode: networkOf(configuration).mode, ...addresses },
    ...(deployment.generation === 0 ? {} : { current_placement: wirePlacement(placement, addresses) }),
    placements_ref: `/client/v4/accounts/${row.accountId}/containers/deployments/${deployment.id}/placements`,
    state: {
      current: isPlaced(deployment) ? "placed" : "scheduled",
      last_updated: iso(deployment.since),
    },
  };
}

function wireLocation(code: string | null, locations: readonly Location[]) {
  const known = locations.find((location) => location.code === code);
  if (known === undefined) return { name: code ?? ANYWHERE, enabled: code === null };
  return { name: known.code, enabled: known.enabled, region: known.region };
}
