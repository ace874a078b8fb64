/**
 * Which bindings of the control plane containers may be given. Gantry's own are never among them, whatever a policy says:
 * whoever reaches its objects is past every check.
 */
import type { BindingGrant } from "../policy/policy.ts";

export type BindingType = BindingGrant["type"];

/** Gantry's own objects. */
export const OWN_BINDINGS: ReadonlySet<string> = new Set([
  "ACCOUNT",
  "APPLICATION",
  "INSTANCE",
  "REGISTRY",
  "IMAGE_PREPARATION",
  "REGISTRY_BLOBS",
]);

export interface Bound {
  readonly r2: R2Bucket;
  readonly kv: KVNamespace;
  readonly do: DurableObjectNamespace;
}

/** By class. A service binding answers to every name of a method, so that what a value can do says nothing. */
const TYPES: ReadonlyMap<string, BindingType> = new Map([
  ["R2Bucket", "r2"],
  ["KvNamespace", "kv"],
  ["DurableObjectNamespace", "do"],
]);

const KINDS: Readonly<Record<BindingType, string>> = {
  r2: "an R2 bucket",
  kv: "a KV namespace",
  do: "a Durable Object namespace",
};

const CONFIGURED: Readonly<Record<BindingType, string>> = {
  r2: "r2_buckets[]",
  kv: "kv_namespaces[]",
  do: "durable_objects.bindings[]",
};

/** Why the grant cannot hold, with what to do; null when it can. */
export function bindingProblem({ type, binding }: Pick<BindingGrant, "type" | "binding">, env: Env): string | null {
  const value = valueOf(binding, env);
  if (isOwn(binding, value, env)) return `is Gantry's own, and never given to containers: name another binding`;
  const found = typeOf(value);
  if (found === type) return null;
  const fix = `add it to ${CONFIGURED[type]} of the control plane's wrangler.jsonc and deploy`;
  if (value === undefined) return `must name ${KINDS[type]} of the control plane: ${known(type, env)}; ${fix}`;
  const is = found === null ? `is no R2 bucket, KV namespace or Durable Object namespace` : `is ${KINDS[found]}`;
  return `${is} and not ${KINDS[type]}: ${known(type, env)}; ${fix}, or set the type of what it is`;
}

/** Null when there is none of that name and type that containers may be given. */
export function boundTo<Type extends BindingType>(type: Type, binding: string, env: Env): Bound[Type] | null {
  return bindingProblem({ type, binding }, env) === null ? (valueOf(binding, env) as Bound[Type]) : null;
}

function known(type: BindingType, env: Env): string {
  const names = Object.keys(env)
    .filter((name) => typeOf(valueOf(name, env)) === type && !isOwn(name, valueOf(name, env), env))
    .toSorted();
  return names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
}

function valueOf(name: string, env: Env): unknown {
  return Object.hasOwn(env, name) ? (env as unknown as Record<string, unknown>)[name] : undefined;
}

function typeOf(value: unknown): BindingType | null {
  if (typeof value !== "object" || value === null) return null;
  return TYPES.get(value.constructor.name) ?? null;
}

/** Also under another name: ids are of a class, so that two bindings of one class make the same. */
function isOwn(name: string, value: unknown, env: Env): boolean {
  if (OWN_BINDINGS.has(name)) return true;
  if (typeOf(value) !== "do") return false;
  const id = (value as DurableObjectNamespace).idFromName("").toString();
  return [...OWN_BINDINGS].some((own) => {
    const objects = valueOf(own, env);
    return typeOf(objects) === "do" && (objects as DurableObjectNamespace).idFromName("").toString() === id;
  });
}
