/** Standalone deployments, by the name that they were given. The API has no dry run of them: they are compared here. */
import { INSTANCE_TYPES } from "../../../src/api/schemas/configuration.ts";
import type { Api } from "../../api.ts";
import { changesBetween, flatten, isEqual, type Change, type Driver, type Live, type Wanted } from "../driver.ts";
import { isObject, type Json, type JsonObject, textOf } from "../resource.ts";
import { withoutSizes } from "./application.ts";

/** What a deployment has from its creation on. */
const FIXED = new Set(["network", "ports", "authorized_keys", "trusted_user_ca_keys", "wrangler_ssh"]);
/** Fields of which an empty list is the same as none. */
const LISTS = new Set(["environment_variables", "secrets", "labels", "checks", "ssh_public_key_ids"]);
const SHOWN_ONLY = new Set([
  "id",
  "name",
  "account_id",
  "instance_id",
  "app_id",
  "app_version",
  "created_at",
  "version",
  "type",
  "memory",
  "current_placement",
  "placements_ref",
  "state",
]);

export const deployments: Driver = {
  list: async (api) => {
    const all = (await api.list("GET /deployments/v2")) as unknown as JsonObject[];
    return all.filter((one) => typeof one["name"] === "string").map(liveOf);
  },

  compare: (wanted) => {
    const { live } = wanted;
    const to = flatten(wantedOf(wanted));
    if (live === null)
      return Promise.resolve({ changes: changesBetween(new Map(), to), replace: null, instances: null, etag: null });
    const from = flatten(shownOf(live.shown));
    // Not said, it is as it comes; a list of nothing is as good as none.
    if (!to.has("network")) from.delete("network");
    for (const field of LISTS)
      for (const side of [from, to]) if (isEqual(side.get(field) ?? null, [])) side.delete(field);
    const changes = changesBetween(from, to);
    return Promise.resolve({ changes, replace: whyReplaced(changes), instances: null, etag: null });
  },

  create: async ({ api, body, key, owner }) => {
    const sent = { body, idempotencyKey: key, ...(owner === null ? {} : { owner }) };
    const { result } = await api.send("POST /deployments/v2", sent);
    return liveOf(result as unknown as JsonObject);
  },

  update: async ({ api, live, comparison, body, key }) => {
    const patch = comparison.changes.map(({ field, to }): [string, Json] => [field, to ?? []]);
    const { instance_type: type } = body;
    // Sizes go together, and a type is one.
    const sizes = patch.some(([field]) => field === "vcpu" || field === "memory_mib" || field === "disk");
    const rest = patch.filter(([field]) => !/^(?:vcpu|memory_mib|disk|instance_type)$/.test(field));
    const wanted = comparison.changes.filter(({ field }) => /^(?:vcpu|memory_mib|disk)$/.test(field));
    const size =
      type !== undefined ? { instance_type: type } : Object.fromEntries(wanted.map(({ field, to }) => [field, to]));
    const changed = { ...Object.fromEntries(rest), ...(sizes ? size : {}) };
    const { result } = await api.send("PATCH /deployments/{deployment}/v2", {
      params: { deployment: live.id },
      body: changed,
      idempotencyKey: key,
    });
    return liveOf(result as unknown as JsonObject);
  },

  remove: async (api, { id }, key) => {
    await api.send("DELETE /deployments/{deployment}/v2", { params: { deployment: id }, idempotencyKey: key });
  },
};

function liveOf(shown: JsonObject): Live {
  return { kind: "deployment", name: textOf(shown["name"]), id: textOf(shown["id"]), etag: null, shown };
}

/** As the API would show it. */
function wantedOf({ body, defaults }: Wanted): JsonObject {
  const { name: _, instance_type: type, network, ...rest } = body;
  const mode = isObject(network) ? network["mode"] : undefined;
  const sizes =
    type === undefined
      ? {
          vcpu: body["vcpu"] ?? defaults.vcpu,
          memory_mib: body["memory_mib"] ?? defaults.memory_mib,
          disk: body["disk"] ?? { size_mb: defaults.disk_mb },
        }
      : TYPES[textOf(type)];
  return { ...rest, ...sizes, ...(mode === undefined ? {} : { network: { mode } }) };
}

const TYPES: Readonly<Record<string, JsonObject>> = Object.fromEntries(
  Object.entries(INSTANCE_TYPES).map(([name, { vcpu, memory_mib, disk_mb }]) => [
    name,
    { vcpu, memory_mib, disk: { size_mb: disk_mb } },
  ]),
);

function shownOf(shown: JsonObject): JsonObject {
  const { instance_type: _, location, network, ...rest } = shown;
  const given = Object.entries(rest).filter(([key]) => !SHOWN_ONLY.has(key));
  const mode = (network as JsonObject | undefined)?.["mode"] ?? null;
  return { ...Object.fromEntries(given), location: (location as JsonObject)["name"] ?? null, network: { mode } };
}

function whyReplaced(changes: readonly Change[]): string | null {
  const fixed = changes.filter(({ field, to }) => FIXED.has(field) || (to === null && !LISTS.has(field)));
  if (fixed.length === 0) return null;
  const fields = fixed.map(({ field, to }) =>
    to === null && !FIXED.has(field) ? `${field} cannot be taken out` : `${field} never changes`,
  );
  return fields.join(", ");
}

/** What a manifest has to say so that the deployment stays as it is. */
export function exportedDeployment(shown: JsonObject): JsonObject {
  const { instance_type: type } = shown;
  return withoutSizes({ ...shownOf(shown), ...(type === undefined ? {} : { instance_type: type }) });
}

/** What it runs on, once it runs. */
export async function shownNow(api: Api, id: string): Promise<JsonObject> {
  const { result } = await api.send("GET /deployments/{deployment}/v2", { params: { deployment: id } });
  return result as unknown as JsonObject;
}
