/** Which test sees the effect of each field of capacity, priorities and preemption. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const CAPACITY = "test/workers/capacity.test.ts";

const SHORT = "is short of %s";
const SHORT_THERE = "of a location is short of %s";

const rank: Tests = {
  "priorities.default": [CAPACITY, "goes first, and stops as few of the lowest as it needs"],
  preemption: [CAPACITY, "stops nothing of its own priority, of one that says never, or in vain"],
};

export const CAPACITY_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  CreateApplication: rank,
  PatchApplication: rank,
  PutApplication: rank,
  Capacity: {
    instances: [CAPACITY, "places 36 of an application's 50, and 5 more when the maximum is 41"],
    vcpu: [CAPACITY, SHORT],
    memory_mib: [CAPACITY, SHORT],
    disk_mb: [CAPACITY, SHORT_THERE],
  },
};
