/** Which test sees the effect of each field of limits, locations, defaults, networks and ports. */

type Tests = Readonly<Record<string, readonly [file: string, title: string]>>;

const QUOTA = "test/workers/quota.test.ts";
const ADDRESSES = "test/workers/instance-addresses.test.ts";

const DEFAULTS = "are the size of a configuration that names none, as they were when it was stored";
const LIMIT = "each refuse on their own: %s";
const LOCATION = "is refused in a location that is unknown, closed, too small for it, or full";
const LOCATION_LIMIT = "is refused by each limit of its location: %s";
const ASSIGNED = "are the first free ones of their ranges, which the container is told and requests go to";
const OWN = "is each instance's own, told to its container, and leads to it alone";
const KEPT = "that is the account's stays its own, listed as free, for the next that asks";
const FILTERS = "filters by what it is asked for, and says so";

export const QUOTA_FIELD_TESTS: Readonly<Record<string, Tests>> = {
  ConfigurationInput: { ports: [ADDRESSES, OWN] },
  NamedPort: {
    name: [ADDRESSES, OWN],
    port: [ADDRESSES, '"public-by-port" opens the declared ports and names them'],
    "assign_port[].start": [ADDRESSES, ASSIGNED],
    "assign_port[].end": [ADDRESSES, "is refused with %s"],
  },
  Network: {
    mode: [ADDRESSES, '"public-by-port" opens the declared ports and names them'],
    assign_ipv4: [ADDRESSES, KEPT],
    assign_ipv6: [QUOTA, "has a public network unless it says otherwise, and is held where it was asked to run"],
  },
  PatchMe: {
    "defaults.vcpus": [QUOTA, DEFAULTS],
    "defaults.memory_mib": [QUOTA, DEFAULTS],
    "defaults.memory": [QUOTA, DEFAULTS],
    "defaults.disk_mb": [QUOTA, DEFAULTS],
    "limits.vcpu_per_deployment": [QUOTA, LIMIT],
    "limits.memory_mib_per_deployment": [QUOTA, LIMIT],
    "limits.disk_mb_per_deployment": [QUOTA, LIMIT],
    "limits.total_instances": [QUOTA, LIMIT],
    "limits.total_vcpu": [QUOTA, LIMIT],
    "limits.total_memory_mib": [QUOTA, LIMIT],
    "limits.total_disk_mb": [QUOTA, LIMIT],
    "limits.ipv4s": [ADDRESSES, "is held against the account's number of IPv4 addresses"],
    "locations[].location": [QUOTA, LOCATION],
    "locations[].enabled": [QUOTA, LOCATION],
    "locations[].limits.vcpu_per_deployment": [QUOTA, LOCATION_LIMIT],
    "locations[].limits.memory_mib_per_deployment": [QUOTA, LOCATION_LIMIT],
    "locations[].limits.total_vcpu": [QUOTA, LOCATION_LIMIT],
    "locations[].limits.total_memory_mib": [QUOTA, LOCATION_LIMIT],
  },
  query: {
    placement_id: [ADDRESSES, FILTERS],
    deployment_id: [ADDRESSES, FILTERS],
    allocated: [ADDRESSES, KEPT],
    ipType: [ADDRESSES, FILTERS],
  },
};
