/** What references stand for: names at once, ids and addresses once there are such. */
import type { Api } from "../api.ts";
import { shownNow } from "./drivers/deployment.ts";
import { placeholder } from "./check.ts";
import { isKind, type Kind } from "./kinds.ts";
import {
  isObject,
  keyOf,
  referencesIn,
  withReferences,
  type Json,
  type JsonObject,
  type Reference,
  type Resource,
} from "./resource.ts";
import { bodyOf, schemaOf } from "./schemas.ts";
import type { World } from "./world.ts";

export interface Resolution {
  readonly body: JsonObject;
  /** References whose value nobody knows yet. */
  readonly pending: readonly string[];
}

export interface Resolving {
  readonly api: Api;
  readonly world: World;
  /** Keys of what is going to be made, or made anew. */
  readonly coming: ReadonlySet<string>;
}

/** Null: there is no such thing, and there is not going to be. */
type Value = { readonly value: Json } | { readonly pending: true } | null;

export async function resolveSpec(resource: Resource, deps: Resolving): Promise<Resolution | { missing: Missing[] }> {
  const { kind, name, spec } = resource;
  const values = new Map<string, Value>();
  for (const { reference } of referencesIn(spec)) {
    const text = reference.toString();
    if (!values.has(text)) values.set(text, await valueOf(reference, deps));
  }
  const missing = referencesIn(spec)
    .filter(({ reference }) => values.get(reference.toString()) === null)
    .map(({ reference, path }) => ({ field: `spec.${path}`, reference: reference.toString() }));
  if (missing.length > 0) return { missing };
  const pending = [...values].filter(([, value]) => value !== null && "pending" in value).map(([text]) => text);
  const plain = withReferences(spec, (reference) => {
    const known = values.get(reference.toString()) ?? { pending: true };
    return "value" in known ? known.value : placeholder(kind, reference);
  });
  const body = schemaOf(kind).parse(bodyOf(kind, name, plain as JsonObject)) as JsonObject;
  return { body, pending };
}

export interface Missing {
  readonly field: string;
  readonly reference: string;
}

async function valueOf(reference: Reference, { api, world, coming }: Resolving): Promise<Value> {
  const { kind, name, field } = reference;
  // Asked for when the secret is written.
  if (kind === "credentials") return { pending: true };
  if (kind === "ip" || kind === "placement") {
    const key = keyOf({ kind: "deployment", name });
    if (coming.has(key)) return { pending: true };
    const live = world.live.get(key);
    if (live === undefined) return null;
    return found(lookedUp(kind, await shownNow(api, live.id), field));
  }
  const isComing = coming.has(reference.key);
  const live = world.live.get(reference.key);
  if (live === undefined && !isComing) return null;
  const isById = kind === "ssh-key" || kind === "deployment";
  if (field === null && !isById) return { value: name };
  if (live === undefined || isComing) return { pending: true };
  return field === null ? { value: live.id } : found(at(live.shown, field.split(".")));
}

function lookedUp(kind: "ip" | "placement", shown: JsonObject, field: string | null): Json | undefined {
  if (kind === "ip") return at(shown, ["network", field ?? "ipv4"]);
  return at(shown, ["current_placement", ...(field ?? "id").split(".")]);
}

function found(value: Json | undefined): Value {
  return typeof value === "string" || typeof value === "number" ? { value: String(value) } : { pending: true };
}

function at(value: Json, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** Kinds that must be read so that references can be resolved. */
export function kindsReferredTo(resources: readonly Resource[]): Kind[] {
  return resources.flatMap(({ spec }) =>
    referencesIn(spec).flatMap(({ reference: { kind } }): Kind[] => {
      if (isKind(kind)) return [kind];
      return kind === "credentials" ? [] : ["deployment"];
    }),
  );
}
