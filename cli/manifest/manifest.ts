/** From what files hold to resources: every problem of all files at once. */
import { isContainerDefinition } from "../../src/sdk/definition/define-container.ts";
import { toApplications } from "../../src/sdk/definition/application.ts";
import type { ContainerConfig } from "../../src/sdk/definition/config.ts";
import { problem, ProblemsError, type Origin, type Problem } from "../problems.ts";
import { checkResource } from "../resources/check.ts";
import { didYouMean } from "../resources/did-you-mean.ts";
import { isKind, isLookUp, isPart, KINDS, LOOK_UPS, REFUSED, type Kind } from "../resources/kinds.ts";
import { inOrder } from "../resources/order.ts";
import {
  applicationNamed,
  isObject,
  keyOf,
  partName,
  Reference,
  type Resource,
  type Spec,
  type SpecObject,
} from "../resources/resource.ts";
import { builtImages, imagePathOf, type BuiltImage } from "./images.ts";
import type { RawDocument } from "./read-file.ts";

export interface Manifest {
  /** Null when no file says. */
  readonly owner: string | null;
  /** Each after all that it refers to. */
  readonly resources: readonly Resource[];
  /** What the control plane's wrangler.jsonc must declare. */
  readonly images: readonly BuiltImage[];
}

const OWNER = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;
const WHOLE = ["owner", "resources", "containers"];
const ONE = ["kind", "name", "spec"];

interface Draft {
  readonly owners: { readonly owner: string; readonly origin: Origin }[];
  readonly resources: Resource[];
  readonly images: BuiltImage[];
  readonly problems: Problem[];
}

export function manifestOf(documents: readonly RawDocument[]): Manifest {
  const draft: Draft = { owners: [], resources: [], images: [], problems: [] };
  for (const document of documents) take(draft, document);
  const { resources, problems, owners } = draft;
  const seen = new Map<string, Resource>();
  for (const resource of resources) {
    const key = keyOf(resource);
    if (seen.has(key)) problems.push(problem("is declared twice", { origin: resource.origin, resource: key }));
    seen.set(key, resource);
    problems.push(...checkResource(resource));
  }
  const names = [...new Set(owners.map(({ owner }) => owner))];
  const [owner = null] = names;
  if (names.length > 1) problems.push(problem(`there are several owners: ${names.join(", ")}; apply them one by one`));
  if (problems.length > 0) throw new ProblemsError(problems);
  const ordered = inOrder(resources);
  if ("cycle" in ordered) {
    throw new ProblemsError([problem(`resources refer to each other in a circle: ${ordered.cycle.join(" → ")}`)]);
  }
  return { owner, resources: ordered.order, images: draft.images };
}

export function requireOwner(owner: string): string {
  if (OWNER.test(owner)) return owner;
  const rule = "must be 1 to 100 letters, digits, ., _, / or -, beginning with a letter or digit";
  throw new ProblemsError([problem(rule, { field: "owner" })]);
}

function take(draft: Draft, { content, origin, folder }: RawDocument): void {
  const refuse = (message: string, field = "") => void draft.problems.push(problem(message, { origin, field }));
  if (Array.isArray(content)) {
    for (const item of content as unknown[]) takeResource(draft, item, origin, folder);
    return;
  }
  if (!isObject(content)) return refuse("must be a resource, a list of resources, or { owner, resources }");
  if ("kind" in content || "spec" in content) return takeResource(draft, content, origin, folder);
  for (const key of Object.keys(content)) {
    if (!WHOLE.includes(key)) refuse(`is not known${didYouMean(key, [...WHOLE, ...ONE])}`, key);
  }
  const { owner, resources = [], containers = {} } = content;
  if (owner !== undefined) {
    if (typeof owner !== "string" || !OWNER.test(owner)) {
      refuse("must be 1 to 100 letters, digits, ., _, / or -, beginning with a letter or digit", "owner");
    } else draft.owners.push({ owner, origin });
  }
  if (!Array.isArray(resources)) return refuse("must be a list of resources", "resources");
  (resources as unknown[]).forEach((item, index) => takeResource(draft, item, origin, folder, `resources.${index}`));
  takeContainers(draft, containers, origin, folder);
}

function takeResource(draft: Draft, item: unknown, origin: Origin, folder: string, field = ""): void {
  const refuse = (message: string, of = "") => {
    draft.problems.push(problem(message, { origin, field: [field, of].filter((part) => part !== "").join(".") }));
  };
  if (!isObject(item)) return refuse("must be a resource: { kind, name, spec }");
  for (const key of Object.keys(item)) {
    if (!ONE.includes(key)) refuse(`is not known${didYouMean(key, ONE)}; fields of the kind stand in spec`, key);
  }
  const { kind, spec = {} } = item;
  if (typeof kind !== "string" || !isKind(kind)) return refuse(whyKind(kind), "kind");
  const { name = kind === "account" ? "account" : undefined } = item;
  if (typeof name !== "string" || name === "") return refuse("is needed: a text", "name");
  if (!isObject(spec)) return refuse("must be a map of fields", "spec");
  const problems: Problem[] = [];
  const key = keyOf({ kind, name });
  const read = specOf(spec, "spec", (path, message) =>
    problems.push(problem(message, { origin, resource: key, field: path })),
  );
  draft.problems.push(...problems);
  const whole = { kind, name: nameIn(kind, name, read as SpecObject), spec: read as SpecObject, origin };
  const path = imagePathOf(whole);
  if (path === null) return void draft.resources.push(whole);
  const { resource, image } = builtImages(whole, path, folder);
  draft.resources.push(resource);
  draft.images.push(image);
}

function nameIn(kind: Kind, name: string, spec: SpecObject): string {
  const application = isPart(kind) ? applicationNamed(spec) : null;
  if (application !== null) return partName(application, name);
  return kind === "registry" ? name.toLowerCase() : name;
}

function whyKind(kind: unknown): string {
  if (typeof kind !== "string") return `is needed: one of ${KINDS.join(", ")}`;
  return REFUSED[kind] ?? `${JSON.stringify(kind)} is not one of ${KINDS.join(", ")}${didYouMean(kind, KINDS)}`;
}

/** With references read. */
function specOf(value: unknown, path: string, refuse: (path: string, message: string) => void): Spec {
  if (Array.isArray(value)) return value.map((item: unknown, index) => specOf(item, `${path}.${index}`, refuse));
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
    refuse(path, `must be plain data, and is a ${typeof value}`);
    return null;
  }
  if (!isObject(value)) return value as Spec;
  if ("ref" in value) return referenceOf(value, path, refuse);
  const { kind, name, spec } = value;
  // The object itself, as a configuration in TypeScript has it.
  if (typeof kind === "string" && typeof name === "string" && isObject(spec) && Object.keys(value).length === 3) {
    if (isKind(kind)) return new Reference(kind, name, null);
    refuse(path, whyKind(kind));
    return null;
  }
  const given = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(given.map(([key, item]) => [key, specOf(item, `${path}.${key}`, refuse)]));
}

function referenceOf(
  { ref, field, ...others }: Readonly<Record<string, unknown>>,
  path: string,
  refuse: (path: string, message: string) => void,
): Spec {
  for (const key of Object.keys(others)) refuse(`${path}.${key}`, `is not known${didYouMean(key, ["ref", "field"])}`);
  const match = typeof ref === "string" ? /^([a-z-]+)\/(.+)$/.exec(ref) : null;
  const [, kind = "", name = ""] = match ?? [];
  const known = [...KINDS, ...LOOK_UPS];
  if (match === null || !(isKind(kind) || isLookUp(kind))) {
    const text = typeof ref === "string" ? JSON.stringify(ref) : "what is given";
    refuse(
      `${path}.ref`,
      `must be <kind>/<name>, and ${text} is not; kinds: ${known.join(", ")}${didYouMean(kind, known)}`,
    );
    return null;
  }
  if (field !== undefined && typeof field !== "string") refuse(`${path}.field`, "must be a text");
  if (kind === "credentials") {
    if (field !== "username" && field !== "password") refuse(`${path}.field`, "must be username or password");
    if (path !== "spec.value") refuse(path, "credentials end within minutes: they may only be the value of a secret");
  }
  return new Reference(kind, name, typeof field === "string" ? field : null);
}

function takeContainers(draft: Draft, containers: unknown, origin: Origin, folder: string): void {
  const refuse = (message: string) => void draft.problems.push(problem(message, { origin, field: "containers" }));
  if (!isObject(containers)) return refuse("must be a module of definitions: import * as containers");
  const definitions = Object.entries(containers).filter(([, value]) => isContainerDefinition(value));
  let bodies;
  try {
    bodies = toApplications(Object.fromEntries(definitions) as Record<string, ContainerConfig>);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  bodies.forEach(({ name, ...spec }, index) => {
    const definition = definitions[index]?.[1] as ContainerConfig;
    draft.resources.push({ kind: "application", name, spec: spec, origin });
    if (typeof definition.image !== "string") return;
    const { image } = builtImages(
      { kind: "application", name, spec: { configuration: {} }, origin },
      definition.image,
      folder,
    );
    draft.images.push({ ...image, buildArgs: definition.buildArgs ?? {} });
  });
}
