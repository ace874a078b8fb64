/** The account itself: what it may use, what it uses, and what a configuration gets that does not say. */
import * as z from "zod";
import type { Amounts } from "../../account/amounts.ts";
import type { Capacity } from "../../account/capacity/load.ts";
import type { CapacityView } from "../../account/capacity/pools.ts";
import type { Limits, SettingsPatch } from "../../account/limits.ts";
import type { LocationLimits, LocationSetting } from "../../account/locations.ts";
import type { Quota } from "../../account/quota-view.ts";
import { accountStub } from "../../stubs.ts";
import { meResult } from "../results/me.ts";
import { defineRoute } from "../route.ts";
import { parseMemory, patchMeSchema, type PatchMe } from "../schemas/me.ts";
import { requireWholeAccount } from "./lookup.ts";

const NO_QUERY = z.strictObject({});

export const meRoutes = [
  defineRoute({
    method: "GET",
    path: "/me",
    tag: "Account",
    summary: "Limits, locations, defaults and usage of the account",
    query: NO_QUERY,
    result: meResult,
    etag: true,
    run: async ({ env, accountId }) => {
      const quota: Quota = await accountStub(env, accountId).quota();
      // Usage changes without anybody changing the account, so that the ETag is of what can be written only.
      return { result: wireMe(accountId, quota), headers: { etag: quota.settings.etag } };
    },
  }),
  defineRoute({
    method: "PATCH",
    path: "/me",
    tag: "Account",
    summary: "Change the account's defaults, limits and locations",
    scope: "admin",
    query: NO_QUERY,
    body: patchMeSchema,
    result: meResult,
    etag: true,
    run: async ({ env, accountId, actor, body, ifMatch }) => {
      requireWholeAccount(actor);
      const account = accountStub(env, accountId);
      await account.updateSettings(settingsPatch(body), ifMatch);
      const quota: Quota = await account.quota();
      return { result: wireMe(accountId, quota), etag: quota.settings.etag };
    },
  }),
];

function settingsPatch({ defaults = {}, limits = {}, locations = [], capacity }: PatchMe): SettingsPatch {
  const memoryMib = defaults.memory_mib ?? (defaults.memory === undefined ? undefined : parseMemory(defaults.memory));
  const codes = locations.map(({ location, limits: own, capacity: room, ...changed }): [string, LocationSetting] => [
    location,
    {
      ...given<LocationSetting>(changed),
      ...(own === undefined ? {} : { limits: locationLimits(own) }),
      ...(room === undefined ? {} : { capacity: capacityIn(room) }),
    },
  ]);
  return {
    defaults: given({ vcpus: defaults.vcpus, memoryMib: memoryMib ?? undefined, diskMb: defaults.disk_mb }),
    limits: given<Limits>({
      vcpuPerDeployment: limits.vcpu_per_deployment,
      memoryMibPerDeployment: limits.memory_mib_per_deployment,
      diskMbPerDeployment: limits.disk_mb_per_deployment,
      totalInstances: limits.total_instances,
      totalVcpu: limits.total_vcpu,
      totalMemoryMib: limits.total_memory_mib,
      totalDiskMb: limits.total_disk_mb,
      ipv4s: limits.ipv4s,
    }),
    locations: Object.fromEntries(codes),
    ...(capacity === undefined ? {} : { capacity: capacityIn(capacity) }),
  };
}

function capacityIn(capacity: NonNullable<PatchMe["capacity"]>): Partial<Capacity> {
  const { instances, vcpu, memory_mib: memoryMib, disk_mb: diskMb } = capacity;
  return given<Capacity>({ instances, vcpu, memoryMib, diskMb });
}

function wireCapacity({ instances, vcpu, memoryMib, diskMb }: Capacity) {
  return { instances, vcpu, memory_mib: memoryMib, disk_mb: diskMb };
}

function wireGranted({ instances, vcpu, memoryMib, diskMb, waiting }: CapacityView["granted"]) {
  return { instances, vcpu, memory_mib: memoryMib, disk_mb: diskMb, waiting };
}

function locationLimits(
  limits: NonNullable<NonNullable<PatchMe["locations"]>[number]["limits"]>,
): Partial<LocationLimits> {
  return given<LocationLimits>({
    vcpuPerDeployment: limits.vcpu_per_deployment,
    memoryMibPerDeployment: limits.memory_mib_per_deployment,
    totalVcpu: limits.total_vcpu,
    totalMemoryMib: limits.total_memory_mib,
  });
}

/** Without what was not given. */
function given<T extends object>(values: { readonly [Key in keyof T]: T[Key] | undefined }): Partial<T> {
  // Only entries are left out, so the rest has the types that it had.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function wireMe(accountId: string, { settings, capacity, used, usedAt }: Quota): z.output<typeof meResult> {
  const { limits, locations, defaults } = settings;
  return {
    external_account_id: accountId,
    account_id: accountId,
    legacy_identity: accountId,
    capabilities: [],
    limits: {
      account_id: accountId,
      vcpu_per_deployment: limits.vcpuPerDeployment,
      memory_per_deployment: mib(limits.memoryMibPerDeployment),
      memory_mib_per_deployment: limits.memoryMibPerDeployment,
      disk_per_deployment: `${limits.diskMbPerDeployment}MB`,
      disk_mb_per_deployment: limits.diskMbPerDeployment,
      total_instances: limits.totalInstances,
      total_vcpu: limits.totalVcpu,
      total_memory: mib(limits.totalMemoryMib),
      total_memory_mib: limits.totalMemoryMib,
      total_disk_mb: limits.totalDiskMb,
      node_group: "metal",
      network_modes: [],
      ipv4s: limits.ipv4s,
    },
    locations: locations.map(({ code, name, region, city, pop, weight, enabled, limits: own, capacity: room }) => ({
      location: code,
      name,
      region,
      city,
      pop,
      weight,
      enabled,
      limits: {
        vcpu_per_deployment: own.vcpuPerDeployment,
        memory_per_deployment: mib(own.memoryMibPerDeployment),
        memory_mib_per_deployment: own.memoryMibPerDeployment,
        total_vcpu: own.totalVcpu,
        total_memory: mib(own.totalMemoryMib),
        total_memory_mib: own.totalMemoryMib,
      },
      capacity: wireCapacity(room),
    })),
    capacity: wireCapacity(capacity.total),
    granted: {
      ...wireGranted(capacity.granted),
      locations: capacity.grantedAt.map(({ location, ...granted }) => ({ location, ...wireGranted(granted) })),
    },
    defaults: {
      vcpus: defaults.vcpus,
      memory_mib: defaults.memoryMib,
      memory: mib(defaults.memoryMib),
      disk_mb: defaults.diskMb,
    },
    usage: {
      ...wireAmounts(used),
      locations: usedAt.map(({ location, ...amounts }) => ({ location, ...wireAmounts(amounts) })),
    },
  };
}

function wireAmounts({ instances, vcpu, memoryMib, diskMb, ipv4s }: Amounts) {
  return { instances, vcpu, memory_mib: memoryMib, disk_mb: diskMb, ipv4s };
}

function mib(value: number): string {
  return `${value}MiB`;
}
