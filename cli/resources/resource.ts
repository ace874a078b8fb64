/** A resource as it is declared, with references where they were written. */
import type { Origin } from "../problems.ts";
import type { Kind, LookUp } from "./kinds.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** Stands in a specification in place of a text. */
export class Reference {
  readonly kind: Kind | LookUp;
  readonly name: string;
  readonly field: string | null;

  constructor(kind: Kind | LookUp, name: string, field: string | null) {
    this.kind = kind;
    this.name = name;
    this.field = field;
  }

  get key(): string {
    return keyOf(this);
  }

  toString(): string {
    return this.field === null ? this.key : `${this.key}.${this.field}`;
  }
}

export type Spec = null | boolean | number | string | Reference | readonly Spec[] | { readonly [key: string]: Spec };
export type SpecObject = { readonly [key: string]: Spec };

export interface Resource {
  readonly kind: Kind;
  readonly name: string;
  readonly spec: SpecObject;
  readonly origin: Origin;
}

export function keyOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}

export function kindAndName(key: string): { readonly kind: string; readonly name: string } {
  const slash = key.indexOf("/");
  return { kind: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** `web/nightly`: of an application's schedules and jobs, so that names need to be unique in it only. */
export function partName(application: string, name: string): string {
  return `${application}/${name}`;
}

export function partsOfName(name: string): { readonly application: string; readonly name: string } {
  const slash = name.indexOf("/");
  return { application: name.slice(0, Math.max(0, slash)), name: name.slice(slash + 1) };
}

/** The application that a specification names, by its name or a reference. */
export function applicationNamed({ application }: SpecObject): string | null {
  if (application instanceof Reference) return application.name;
  return typeof application === "string" ? application : null;
}

/** A text as it is; of anything else, what it says as JSON. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Reference);
}

/** Every reference in it, with where it stands. */
export function referencesIn(spec: Spec, path: readonly string[] = []): { reference: Reference; path: string }[] {
  if (spec instanceof Reference) return [{ reference: spec, path: path.join(".") }];
  if (Array.isArray(spec)) return spec.flatMap((item: Spec, index) => referencesIn(item, [...path, String(index)]));
  if (!isObject(spec)) return [];
  return Object.entries(spec).flatMap(([key, value]) => referencesIn(value, [...path, key]));
}

/** With something in place of each reference. */
export function withReferences(spec: Spec, value: (reference: Reference) => Json): Json {
  if (spec instanceof Reference) return value(spec);
  if (Array.isArray(spec)) return spec.map((item: Spec) => withReferences(item, value));
  if (!isObject(spec)) return spec as Json;
  return Object.fromEntries(Object.entries(spec).map(([key, item]) => [key, withReferences(item, value)]));
}
