/** What is to be there before what. Pure. */
import { isPart } from "./kinds.ts";
import { keyOf, referencesIn, type Resource } from "./resource.ts";

/** `ip/worker` is read of `deployment/worker`, `credentials/r.example.com` of `registry/r.example.com`. */
const BEHIND: Readonly<Record<string, string>> = { ip: "deployment", placement: "deployment", credentials: "registry" };

/** Keys of the resources of the same manifest that one refers to, also by a name in its text. */
export function dependenciesOf(resource: Resource, known: ReadonlyMap<string, Resource>): string[] {
  const explicit = referencesIn(resource.spec).map(({ reference: { kind, name } }) =>
    keyOf({ kind: BEHIND[kind] ?? kind, name }),
  );
  const all = [...explicit, ...namesIn(resource)];
  return [...new Set(all)].filter((key) => key !== keyOf(resource) && known.has(key));
}

/** What a specification names without a reference: as the control API takes it. */
function namesIn({ kind, spec }: Resource): string[] {
  const configuration = (kind === "application" ? spec["configuration"] : spec) as Fields;
  const found: string[] = [];
  const add = (of: string, value: unknown) => typeof value === "string" && found.push(keyOf({ kind: of, name: value }));
  const addImage = (image: unknown) => {
    if (typeof image !== "string") return;
    const [proto, rest] = image.split("://", 2);
    if (rest === undefined) add("registry", image.split("/", 1)[0]);
    else add("protocol", proto);
  };
  if (kind === "application" || kind === "deployment") {
    for (const item of list(configuration?.["secrets"])) add("secret", item?.["secret"]);
    addImage(configuration?.["image"]);
    const colocation = (spec["affinities"] as Fields)?.["colocation"] as Fields;
    add("application", colocation?.["application"]);
  }
  if (kind === "application") {
    for (const item of list((spec["egress"] as Fields)?.["credentials"])) add("secret", item?.["secret"]);
  }
  if (kind === "rollout" || isPart(kind)) add("application", spec["application"]);
  if (isPart(kind)) addImage((kind === "job" ? spec : (spec["job"] as Fields))?.["image"]);
  if (kind === "protocol") for (const item of list(spec["domains"])) add("registry", item?.["domain"]);
  if (kind === "registry") {
    const auth = spec["auth"] as Fields;
    add("secret", (auth?.["private_credential"] as Fields)?.["secret_name"]);
  }
  // Limits, locations and sizes first: what is made meanwhile is held against them.
  if (kind === "application" || kind === "deployment") found.push("account/account");
  return found;
}

type Fields = Readonly<Record<string, unknown>> | undefined | null;

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

export type Ordered = { readonly order: Resource[] } | { readonly cycle: string[] };

/** Each after all that it refers to; among equals in the order of the manifest. */
export function inOrder(resources: readonly Resource[]): Ordered {
  const known = new Map(resources.map((resource) => [keyOf(resource), resource]));
  const done = new Set<string>();
  const order: Resource[] = [];
  const visit = (resource: Resource, trail: readonly string[]): string[] | null => {
    const key = keyOf(resource);
    if (done.has(key)) return null;
    if (trail.includes(key)) return [...trail.slice(trail.indexOf(key)), key];
    for (const dependency of dependenciesOf(resource, known)) {
      const cycle = visit(known.get(dependency) as Resource, [...trail, key]);
      if (cycle !== null) return cycle;
    }
    done.add(key);
    order.push(resource);
    return null;
  };
  for (const resource of resources) {
    const cycle = visit(resource, []);
    if (cycle !== null) return { cycle };
  }
  return { order };
}
