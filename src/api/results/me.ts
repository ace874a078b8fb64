/** The answer of `/me`. */
import * as z from "zod";

const amount = z.number().min(0);

const amounts = {
  instances: amount,
  vcpu: amount,
  memory_mib: amount,
  disk_mb: amount,
  ipv4s: amount,
};

const most = z.number().min(0).nullable().describe("null: any");
const capacity = z.strictObject({ instances: most, vcpu: most, memory_mib: most, disk_mb: most });
const granted = {
  instances: amount,
  vcpu: amount,
  memory_mib: amount,
  disk_mb: amount,
  waiting: amount.describe("instances that wait for room"),
};

export const meResult = z.strictObject({
  external_account_id: z.string(),
  account_id: z.string(),
  legacy_identity: z.string(),
  capabilities: z.array(z.string()),
  limits: z.strictObject({
    account_id: z.string(),
    vcpu_per_deployment: amount,
    memory_per_deployment: z.string().describe("as a text with a unit, for older clients"),
    memory_mib_per_deployment: amount,
    disk_per_deployment: z.string().describe("as a text with a unit, for older clients"),
    disk_mb_per_deployment: amount,
    total_instances: amount,
    total_vcpu: amount,
    total_memory: z.string().describe("as a text with a unit, for older clients"),
    total_memory_mib: amount,
    total_disk_mb: amount,
    node_group: z.literal("metal"),
    network_modes: z.array(z.string()),
    ipv4s: amount,
  }),
  locations: z.array(
    z.strictObject({
      location: z.string(),
      name: z.string(),
      region: z.string(),
      city: z.string().nullable(),
      pop: z.string().nullable(),
      weight: amount.describe("share of an application's instances beside the other locations'"),
      enabled: z.boolean(),
      limits: z.strictObject({
        vcpu_per_deployment: amount,
        memory_per_deployment: z.string(),
        memory_mib_per_deployment: amount,
        total_vcpu: amount,
        total_memory: z.string(),
        total_memory_mib: amount,
      }),
      capacity: capacity.describe("what may run there at one time"),
    }),
  ),
  capacity: capacity.describe("what may run at one time, as it is in force"),
  granted: z
    .strictObject({ ...granted, locations: z.array(z.strictObject({ location: z.string(), ...granted })) })
    .describe("what runs or may begin any moment; counted only while a capacity is set"),
  defaults: z.strictObject({ vcpus: amount, memory_mib: amount, memory: z.string(), disk_mb: amount }),
  usage: z.strictObject({
    ...amounts,
    locations: z
      .array(z.strictObject({ location: z.string(), ...amounts }))
      .describe("by location; `auto` is what may run anywhere"),
  }),
});
