/** Addresses of the account's instances: which there are, and who has them. */
import * as z from "zod";
import type { PlacedAddress } from "../../account/address-pool.ts";
import type { ApplicationEntry } from "../../account/applications.ts";
import { accountStub } from "../../stubs.ts";
import { ipsResult } from "../results/ip.ts";
import { defineRoute } from "../route.ts";
import { mayReach, type Actor } from "../scopes.ts";

export const ipRoutes = [
  defineRoute({
    method: "GET",
    path: "/ips",
    tag: "IPs",
    summary: "List addresses of instances",
    query: z.strictObject({
      placement_id: z.string().max(100).optional().describe("Only addresses that this placement has"),
      deployment_id: z.string().max(100).optional().describe("Only addresses that this deployment has"),
      allocated: z
        .enum(["true", "false"])
        .optional()
        .describe("Only those that a deployment has, or only those that none has"),
      ipType: z.enum(["v4", "v6"]).optional().describe("Only IPv4, or only IPv6"),
    }),
    result: ipsResult,
    run: async ({ env, accountId, actor, query }) => {
      const all: PlacedAddress[] = await accountStub(env, accountId).addresses();
      const { placement_id: placement, deployment_id: deployment, allocated, ipType } = query;
      const reachable = await inReach(env, accountId, actor, all);
      const ips = reachable
        .filter((item) => ipType === undefined || item.type === ipType)
        .filter((item) => allocated === undefined || (item.deployment !== null) === (allocated === "true"))
        .filter((item) => deployment === undefined || item.deployment === deployment)
        .filter((item) => placement === undefined || placementOf(item) === placement);
      const filters = {
        ...(placement === undefined ? {} : { placementID: placement }),
        ...(deployment === undefined ? {} : { deploymentID: deployment }),
        ...(allocated === undefined ? {} : { allocated: allocated === "true" }),
        ...(ipType === undefined ? {} : { ipType }),
      };
      return { result: { ips: ips.map((item) => wireIp(accountId, item)), filters } };
    },
  }),
];

/** A token that is limited to some applications sees the addresses of these. */
async function inReach(
  env: Env,
  accountId: string,
  actor: Actor,
  addresses: readonly PlacedAddress[],
): Promise<readonly PlacedAddress[]> {
  if (actor.applications === null) return addresses;
  const ids = new Set(addresses.flatMap(({ application }) => (application === null ? [] : [application])));
  const reachable = new Set<string>();
  for (const id of ids) {
    const entry: ApplicationEntry | null = await accountStub(env, accountId).findApplication(id);
    if (entry !== null && mayReach(actor, entry)) reachable.add(id);
  }
  return addresses.filter(({ application }) => application !== null && reachable.has(application));
}

function placementOf({ deployment, generation }: PlacedAddress): string | null {
  return deployment === null || generation === null ? null : `${deployment}.${generation}`;
}

function wireIp(accountId: string, item: PlacedAddress): z.output<typeof ipsResult>["ips"][number] {
  const { address, type, strategy, deployment, ports, subnetMask } = item;
  const placement = placementOf(item);
  const configuration = {
    ...(deployment === null ? {} : { deploymentId: deployment }),
    ...(strategy === "account" ? { accountId } : {}),
  };
  const allocation = {
    ...(placement === null ? {} : { placementID: placement }),
    ...(deployment === null ? {} : { deploymentID: deployment }),
  };
  return {
    ip: address,
    ipType: type,
    subnetMask,
    configuration,
    ...(deployment === null ? {} : { allocation, portRanges: ports.map((range) => ({ ...range, allocation })) }),
  };
}
