/** A specification against its kind's schema: every problem by field, with what may have been meant. */
import * as z from "zod";
import { problem, type Problem } from "../problems.ts";
import { didYouMean } from "./did-you-mean.ts";
import { isPart, type Kind } from "./kinds.ts";
import { isObject, keyOf, partsOfName, Reference, withReferences, type Json, type Resource } from "./resource.ts";
import { bodyOf, NAMES, schemaOf } from "./schemas.ts";

/** Stands for the id of what is not made yet. */
export const ID_TO_COME = "00000000-0000-4000-8000-000000000000";

export function checkResource(resource: Resource): Problem[] {
  const { kind, name, spec } = resource;
  const refuse = (field: string, message: string) =>
    problem(message, { origin: resource.origin, resource: keyOf(resource), field });
  const names = NAMES[kind].safeParse(isPart(kind) ? partsOfName(name).name : name);
  const wrong = names.success ? [] : [refuse("name", names.error.issues[0]?.message ?? "is no name")];
  const plain = withReferences(spec, (reference) => placeholder(kind, reference));
  if (!isObject(plain)) return [...wrong, refuse("spec", "must be a map of fields")];
  const given = bodyOf(kind, name, plain);
  const parsed = schemaOf(kind).safeParse(given);
  const issues = parsed.success ? [] : parsed.error.issues;
  const own = new Set(["name", "domain"]);
  return [
    ...wrong,
    ...issues
      .filter(({ path }) => !(path.length === 1 && own.has(String(path[0])) && !(String(path[0]) in spec)))
      .flatMap((issue) => problemsOf(issue, schemaOf(kind), refuse)),
    ...namesInside(kind, spec, refuse),
  ];
}

/** A name stands beside the specification. */
function namesInside(kind: Kind, spec: object, refuse: (field: string, message: string) => Problem): Problem[] {
  const field = kind === "registry" ? "domain" : "name";
  const isNamed = kind === "application" || kind === "deployment" || kind === "registry";
  return isNamed && field in spec ? [refuse(`spec.${field}`, "is not given here: it is the resource's name")] : [];
}

function problemsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  refuse: (field: string, message: string) => Problem,
): Problem[] {
  const path = ["spec", ...issue.path.map(String)].join(".");
  if (issue.code !== "unrecognized_keys") return [refuse(path, issue.message)];
  const known = keysAt(schema, issue.path);
  return issue.keys.map((key) => refuse(`${path}.${key}`, `is not known${didYouMean(key, known)}`));
}

/** The fields that a schema has at a path. */
function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const bare = unwrapped(schema);
  if (path.length === 0) return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
  const [first, ...rest] = path;
  if (bare instanceof z.ZodObject) return keysAt((bare.shape as Record<PropertyKey, unknown>)[first ?? ""], rest);
  if (bare instanceof z.ZodArray) return keysAt(bare.element, rest);
  if (bare instanceof z.ZodUnion) return bare.options.flatMap((option) => keysAt(option, path));
  return [];
}

function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrapped(schema.unwrap());
  }
  return schema;
}

/** A good value of the form that the reference will have. */
export function placeholder(kind: Kind, reference: Reference): Json {
  if (kind === "secret" && reference.kind === "credentials") return { env: "CREDENTIALS" };
  if (reference.field === null && (reference.kind === "ssh-key" || reference.kind === "deployment")) return ID_TO_COME;
  return reference.name;
}
