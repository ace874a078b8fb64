/** The account's own settings: what is said of them holds, what is not said stays. Nobody makes or deletes them. */
import { parseMemory } from "../../../src/api/schemas/me.ts";
import { changesBetween, SAME, type Driver, type Live } from "../driver.ts";
import { isObject, type Json, type JsonObject, textOf } from "../resource.ts";

export const accounts: Driver = {
  list: async (api) => {
    const { result, etag } = await api.send("GET /me");
    return [liveOf(result, etag)];
  },
  compare: ({ body, live }) => {
    if (live === null) return Promise.resolve(SAME);
    const to = fieldsOf(body);
    const shown = fieldsOf(live.shown);
    const from = new Map([...to.keys()].map((field) => [field, shown.get(field) ?? null] as const));
    return Promise.resolve({ ...SAME, changes: changesBetween(from, to), etag: live.etag });
  },
  create: () => Promise.resolve(null),
  update: async ({ api, body, key, comparison: { etag: ifMatch } }) => {
    const sent = { body, idempotencyKey: key };
    const { result, etag } = await api.send("PATCH /me", ifMatch === null ? sent : { ...sent, ifMatch });
    return liveOf(result, etag);
  },
  remove: () => Promise.resolve(),
};

function liveOf(shown: JsonObject, etag: string | null): Live {
  return { kind: "account", name: "account", id: textOf(shown["account_id"]), etag, shown };
}

/** `limits.total_vcpu`, `locations.weur.limits.total_vcpu`. */
function fieldsOf(settings: JsonObject): Map<string, Json> {
  const fields = new Map<string, Json>();
  const add = (path: string, value: Json) => {
    if (!isObject(value)) return void fields.set(path, value);
    for (const [key, item] of Object.entries(value)) add(`${path}.${key}`, item);
  };
  const { defaults, limits, capacity, locations } = settings;
  for (const [key, value] of Object.entries({ defaults, limits, capacity })) if (value !== undefined) add(key, value);
  for (const { location, ...rest } of (locations ?? []) as { location: string }[]) add(`locations.${location}`, rest);
  const memory = fields.get("defaults.memory");
  if (typeof memory === "string") {
    fields.delete("defaults.memory");
    fields.set("defaults.memory_mib", fields.get("defaults.memory_mib") ?? parseMemory(memory));
  }
  return fields;
}

const WRITABLE = {
  defaults: ["vcpus", "memory_mib", "disk_mb"],
  limits: [
    "vcpu_per_deployment",
    "memory_mib_per_deployment",
    "disk_mb_per_deployment",
    "total_instances",
    "total_vcpu",
    "total_memory_mib",
    "total_disk_mb",
    "ipv4s",
  ],
  location: ["location", "name", "region", "city", "pop", "weight", "enabled", "capacity"],
  locationLimits: ["vcpu_per_deployment", "memory_mib_per_deployment", "total_vcpu", "total_memory_mib"],
} as const;

/** What a manifest has to say so that the account stays as it is. */
export function exportedAccount(shown: JsonObject): JsonObject {
  return {
    capacity: shown["capacity"] ?? {},
    defaults: only(shown["defaults"], WRITABLE.defaults),
    limits: only(shown["limits"], WRITABLE.limits),
    locations: ((shown["locations"] ?? []) as JsonObject[]).map((one) => ({
      ...only(one, WRITABLE.location),
      limits: only(one["limits"], WRITABLE.locationLimits),
    })),
  };
}

function only(value: Json | undefined, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries((value ?? {}) as JsonObject).filter(([key]) => keys.includes(key)));
}
