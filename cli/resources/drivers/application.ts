/** Applications. What would happen is what the API says of the same write as a dry run. */
import { READ_ONLY_FIELDS } from "../../../src/api/schemas/application.ts";
import type { Api } from "../../api.ts";
import {
  changesBetween,
  flatten,
  type Change,
  type Comparison,
  type Driver,
  type Live,
  type Wanted,
} from "../driver.ts";
import type { Json, JsonObject } from "../resource.ts";
import { isObject, textOf } from "../resource.ts";

const INNER = [
  "autoscaling",
  "configuration",
  "constraints",
  "ingress",
  "affinities",
  "priorities",
  "rollout",
  "egress",
];
/** Fields of an answer that are no part of what is wanted. */
const SHOWN_ONLY: ReadonlySet<string> = new Set(READ_ONLY_FIELDS);
/** What holds where nothing is said. */
const DEFAULTS: JsonObject = {
  scheduling_policy: "default",
  rollout_active_grace_period: 0,
  preemption: "allowed",
  check_every: 60,
  priorities: { default: 0 },
  constraints: { tiers: [1, 2] },
};

export const applications: Driver = {
  list: async (api) => (await api.list("GET /applications")).map((one) => liveOf(one as unknown as JsonObject, null)),

  compare: async (wanted) => {
    const { live, name } = wanted;
    const body = bodyFor(wanted);
    const replace = live === null ? null : whyReplaced(body, live);
    if (wanted.isPending || replace !== null) return { ...locally(wanted, body), replace };
    const { result } = await wanted.api.send("PUT /applications/{id}", {
      params: { id: live?.id ?? name },
      query: { dry_run: "true" },
      body,
    });
    if (!("dry_run" in result)) throw new Error("the control plane does not know dry runs");
    return { changes: result.changes as Change[], instances: result.instances, etag: result.etag, replace: null };
  },

  create: async ({ api, body, key, owner }) => {
    const sent = { body, idempotencyKey: key, ...(owner === null ? {} : { owner }) };
    const { result, etag } = await api.send("POST /applications", sent);
    return liveOf(result as unknown as JsonObject, etag);
  },

  update: async (write) => {
    const { api, live, key, comparison } = write;
    const ifMatch = comparison.etag;
    const sent = { params: { id: live.id }, body: bodyFor(write), idempotencyKey: key };
    const { result, etag } = await api.send("PUT /applications/{id}", ifMatch === null ? sent : { ...sent, ifMatch });
    return liveOf(result as unknown as JsonObject, etag);
  },

  remove: async (api, { id }, key) => {
    await api.send("DELETE /applications/{id}", { params: { id }, idempotencyKey: key });
  },
};

export function liveOf(shown: JsonObject, etag: string | null): Live {
  return { kind: "application", name: textOf(shown["name"]), id: textOf(shown["id"]), etag, shown };
}

/** With the count that the load has brought it to, and, where a rollout brings the configuration, the one it has. */
function bodyFor({ body, live, isRolledOut }: Pick<Wanted, "body" | "live" | "isRolledOut">): JsonObject {
  if (live === null) return body;
  const { instances, autoscaling, configuration } = body;
  const scaled = isObject(autoscaling) ? autoscaling : null;
  const count = live.shown["instances"];
  const followed =
    scaled === null ? instances : Math.min(Number(scaled["max"]), Math.max(Number(scaled["min"]), Number(count)));
  const kept = isRolledOut ? live.shown["configuration"] : configuration;
  return { ...body, instances: followed ?? null, configuration: kept ?? null };
}

function namespaceOf(body: JsonObject): Json {
  return (body["durable_objects"] as JsonObject | undefined)?.["namespace_id"] ?? null;
}

function whyReplaced(body: JsonObject, { shown }: Live): string | null {
  return namespaceOf(body) === namespaceOf(shown) ? null : "durable_objects never changes";
}

/** Where the API cannot be asked: field by field. */
function locally({ live }: Wanted, body: JsonObject): Comparison {
  const to = flatten(known(body), INNER);
  const from = live === null ? new Map<string, Json>() : flatten(known(live.shown), INNER);
  // What is not said is as it is, or follows from what is said.
  for (const field of from.keys()) {
    const isSize = /^configuration\.(?:vcpu|memory_mib|disk|instance_type)$/.test(field);
    if (!to.has(field) && (isSize || field === "ingress.mode")) from.delete(field);
  }
  return { changes: changesBetween(from, to), instances: null, etag: null, replace: null };
}

function known(body: JsonObject): JsonObject {
  const entries = Object.entries(body).filter(([key, value]) => {
    return !SHOWN_ONLY.has(key) && JSON.stringify(value) !== JSON.stringify(DEFAULTS[key]);
  });
  return Object.fromEntries(entries);
}

/** What a manifest has to say so that the application stays as it is. */
export function exportedApplication(shown: JsonObject): JsonObject {
  const { name: _, instances, configuration, ...rest } = known(shown);
  return {
    // What follows the load is not the manifest's to say.
    ...(rest["autoscaling"] === undefined ? { instances: instances ?? 0 } : {}),
    ...rest,
    configuration: withoutSizes(configuration as JsonObject),
  };
}

/** A size that is named is not said twice. */
export function withoutSizes(configuration: JsonObject): JsonObject {
  if (configuration["instance_type"] === undefined) return configuration;
  const { vcpu: _, memory_mib: _memory, disk: _disk, ...rest } = configuration;
  return rest;
}

/** What a `PUT` of the whole body would change of the configuration. */
export async function configurationPlan(api: Api, live: Live, body: JsonObject) {
  const { result } = await api.send("PUT /applications/{id}", {
    params: { id: live.id },
    query: { dry_run: "true" },
    body: bodyFor({ body, live, isRolledOut: false }),
  });
  if (!("dry_run" in result)) throw new Error("the control plane does not know dry runs");
  const changes = (result.changes as Change[]).filter(({ field }) => field.startsWith("configuration."));
  return { changes, instances: result.instances, etag: result.etag };
}

export async function putWhole(api: Api, live: Live, body: JsonObject, key: string, ifMatch: string | null) {
  const whole = bodyFor({ body, live, isRolledOut: false });
  const sent = { params: { id: live.id }, body: whole, idempotencyKey: key };
  const { result, etag } = await api.send("PUT /applications/{id}", ifMatch === null ? sent : { ...sent, ifMatch });
  return liveOf(result as unknown as JsonObject, etag);
}
