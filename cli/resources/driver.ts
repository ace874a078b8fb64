/** What each kind of resource must be able to do. Drivers know one resource of the API each, and nothing of plans. */
import type { Api } from "../api.ts";
import type { Kind } from "./kinds.ts";
import type { Json, JsonObject, Resource } from "./resource.ts";

/** A resource as it is. */
export interface Live {
  readonly kind: Kind;
  readonly name: string;
  readonly id: string;
  /** Null where the kind has none, or none is known yet. */
  readonly etag: string | null;
  /** As the API shows it. */
  readonly shown: JsonObject;
  /** Where it says itself whose it is; null: nobody's. */
  readonly owner?: string | null;
}

export interface Change {
  readonly field: string;
  /** Null: not set. */
  readonly from: Json;
  readonly to: Json;
}

export interface InstanceCounts {
  readonly start: number;
  readonly stop: number;
  readonly update: number;
  readonly unchanged: number;
}

export interface Comparison {
  /** Empty: it is as it should be. */
  readonly changes: readonly Change[];
  /** Why it must be deleted and made again; null when it can be changed. */
  readonly replace: string | null;
  /** What happens to containers; null where nobody can say yet, or it has none. */
  readonly instances: InstanceCounts | null;
  /** What the changes hold for. */
  readonly etag: string | null;
  /** What people should know of how the changes are made. */
  readonly note?: string | null;
}

export interface Wanted {
  readonly api: Api;
  readonly name: string;
  /** As the API takes it, with references resolved. */
  readonly body: JsonObject;
  /** Something that it refers to is not there yet, so that the API cannot be asked what would happen. */
  readonly isPending: boolean;
  /** Of the account: the sizes of what names none. */
  readonly defaults: { readonly vcpu: number; readonly memory_mib: number; readonly disk_mb: number };
  /** Its configuration is activated by a rollout of the same manifest. */
  readonly isRolledOut: boolean;
  /** Null: it is not there. */
  readonly live: Live | null;
}

export interface Write extends Wanted {
  /** Sent again, it does the same once. */
  readonly key: string;
  readonly owner: string | null;
  readonly comparison: Comparison;
  /** A secret's value. */
  readonly value: () => Promise<string>;
}

export interface Driver {
  /** All that there are; of jobs only those that are declared. */
  list(api: Api, declared: readonly Resource[]): Promise<Live[]>;
  compare(wanted: Wanted): Promise<Comparison>;
  create(write: Write): Promise<Live | null>;
  update(write: Write & { readonly live: Live }): Promise<Live | null>;
  remove(api: Api, live: Live, key: string): Promise<void>;
}

export const SAME: Comparison = { changes: [], replace: null, instances: null, etag: null };

/** `a` and `configuration.b`: as the API's own plans name fields. */
export function flatten(body: JsonObject, inner: readonly string[] = []): Map<string, Json> {
  return new Map(
    Object.entries(body).flatMap(([key, value]): [string, Json][] =>
      inner.includes(key) && typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(value as JsonObject).map(([name, item]) => [`${key}.${name}`, item])
        : [[key, value]],
    ),
  );
}

export function changesBetween(from: ReadonlyMap<string, Json>, to: ReadonlyMap<string, Json>): Change[] {
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))
    .filter((change) => !isEqual(change.from, change.to));
}

/** Whatever the order of keys. */
export function isEqual(a: Json, b: Json): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: Json): string {
  return JSON.stringify(value, (_, item: Json) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
