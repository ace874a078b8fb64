/** How an application's scheduler reaches its instances, and what their orders get beside their versions. */
import { mintWorkloadToken } from "../../bridge/token.ts";
import { masterKeys } from "../../sealing.ts";
import type { Version } from "../storage/application-row.ts";
import { accountStub, instanceStub } from "../../stubs.ts";
import type { StoredConfiguration } from "../configurations.ts";
import { hasAddress, networkOf } from "../network.ts";
import type { InstanceClient, LaunchOrder } from "../scheduler-deps.ts";
import { prepareNetwork } from "./network.ts";
import { prepareReferences } from "./secrets.ts";

export async function prepareLaunch(
  env: Env,
  accountId: string,
  configuration: StoredConfiguration,
  order: LaunchOrder,
): Promise<LaunchOrder> {
  const addressed = await prepareNetwork(env, accountId, configuration, order);
  const prepared = await prepareReferences(env, accountId, addressed);
  const owned = { ...prepared, accountId };
  if (order.spec.hasBridgeToken !== true) return owned;
  return { ...owned, bridgeToken: mintWorkloadToken(masterKeys(env), order) };
}

/** `onReleased`: the slot is gone. */
export function instanceClient(env: Env, onReleased: (deploymentId: string) => Promise<void>): InstanceClient {
  const stub = (id: string) => instanceStub(env, id);
  return {
    launch: async (order) => await stub(order.deploymentId).launch(order),
    stop: async (id, generation, reason, signal) => await stub(id).retire(generation, reason, signal),
    forbid: async (id, generation, reason) => await stub(id).forbid(generation, reason),
    check: async (id, generation) => await stub(id).check(generation),
    release: async (id) => {
      await stub(id).release();
      await onReleased(id);
    },
  };
}

/** One that is lost in a crash is found when the account's pool is asked. */
export async function releaseAddresses(
  env: Env,
  accountId: string,
  versions: readonly Version[],
  deploymentId: string,
): Promise<void> {
  const hadAny = versions.some(({ configuration }) => hasAddress(networkOf(configuration)));
  if (hadAny) await accountStub(env, accountId).releaseAddresses(deploymentId);
}
