/**
 * From a deployment's id to the application behind it. An id names its application; that it exists only the account
 * knows, so that an id that was made up never makes an object.
 */
import type { Address } from "../../account/addresses.ts";
import type { ApplicationEntry } from "../../account/applications.ts";
import type { Settings } from "../../account/limits.ts";
import { GantryError } from "../../errors.ts";
import { parseDeploymentId } from "../../orchestrator/deployment-id.ts";
import { networkOf } from "../../orchestrator/network.ts";
import type { ApplicationView, DeploymentsView, InstanceView } from "../../orchestrator/views.ts";
import { accountStub, applicationStub } from "../../stubs.ts";
import type { Call } from "../route.ts";
import { mayReach } from "../scopes.ts";
import { configurationOf, type DeploymentContext } from "../wire/deployment.ts";
import type { OwnAddresses } from "../wire/placement.ts";

export interface FoundDeployment {
  readonly application: ApplicationView;
  readonly instance: InstanceView;
}

type Target = Pick<Call<unknown, unknown>, "env" | "accountId" | "actor">;

/** The application that an id leads to, if it is there and within the caller's reach. */
export async function findOwner({ env, accountId, actor }: Target, id: string): Promise<ApplicationEntry> {
  const address = parseDeploymentId(id);
  if (address === null) throw deploymentNotFound(id);
  const entry: ApplicationEntry | null = await accountStub(env, accountId).findApplication(address.applicationId);
  if (entry === null || entry.id !== address.applicationId || !mayReach(actor, entry)) throw deploymentNotFound(id);
  return entry;
}

export async function findDeployment(target: Target, id: string): Promise<FoundDeployment> {
  const found = await lookUp(target, id);
  if (found === null) throw deploymentNotFound(id);
  return found;
}

/** Null when it is not there. */
export async function lookUp(target: Target, id: string): Promise<FoundDeployment | null> {
  const owner = await findOwner(target, id);
  const view: DeploymentsView | null = await applicationStub(target.env, owner.id).deployments();
  const instance = view?.instances.find(({ deployment }) => deployment.id === id);
  return view === null || instance === undefined ? null : { application: view.application, instance };
}

/** What the answers need beside the rows. */
export async function contextOf(
  { env, accountId }: Target,
  found: readonly FoundDeployment[],
): Promise<DeploymentContext> {
  const account = accountStub(env, accountId);
  const settings: Settings = await account.settings();
  const hasAddresses = found.some(({ application, instance }) => {
    return networkOf(configurationOf(application, instance)).mode !== "private";
  });
  const addresses = new Map<string, OwnAddresses>();
  const rows: Address[] = hasAddresses ? await account.givenAddresses() : [];
  for (const { deployment, type, address } of rows) {
    if (deployment === null) continue;
    addresses.set(deployment, { ...addresses.get(deployment), [type === "v4" ? "ipv4" : "ipv6"]: address });
  }
  return { locations: settings.locations, addresses };
}

export function deploymentNotFound(id: string): GantryError {
  const deployment = id.slice(0, 100);
  return new GantryError("DEPLOYMENT_NOT_FOUND", `there is no deployment ${deployment}`, { deployment });
}
