/** `defineContainer`: a container of a Worker, checked where it is written. */
import type * as z from "zod";
import { invalidInput } from "../errors.ts";
import type { ContainerConfig, ContainerDefinition } from "./config.ts";
import { contradictions } from "./rules.ts";
import { configSchema } from "./schema.ts";

/** Registered, so that definitions of two copies of the package know each other. */
const KIND = Symbol.for("gantry.container");

/** Inference alone would let a misspelt option pass. */
type NoOther<C> = { readonly [K in Exclude<keyof C, keyof ContainerConfig>]: never };

/** Throws a `GantryError` of code `VALIDATE_INPUT`, whose `details` are all problems by field. */
export function defineContainer<const C extends ContainerConfig>(config: C & NoOther<C>): ContainerDefinition<C> {
  const given = withoutUndefined(config);
  const problems = problemsOf(given);
  if (Object.keys(problems).length > 0) throw invalidInput("defineContainer", problems);
  const copy = structuredClone(given);
  Object.defineProperty(copy, KIND, { value: true });
  return deepFreeze(copy) as unknown as ContainerDefinition<C>;
}

export function isContainerDefinition(value: unknown): value is ContainerDefinition {
  return typeof value === "object" && value !== null && KIND in value;
}

function problemsOf(config: Record<string, unknown>): Record<string, string> {
  const problems: Record<string, string> = Object.fromEntries(prototypeNames(config));
  if (Object.keys(problems).length > 0) return problems;
  const { error } = configSchema().safeParse(config, { reportInput: true });
  if (error !== undefined) return Object.fromEntries(error.issues.flatMap(problemOf));
  return Object.fromEntries(contradictions(config as unknown as ContainerConfig));
}

/** A key that assigning would take for the object's prototype, so that what is behind it would be lost without a word. */
function* prototypeNames(value: unknown, path = ""): Iterable<[string, string]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const field = path === "" ? key : `${path}.${key}`;
    if (key === "__proto__") yield [field, "is a name that JavaScript keeps for itself: take another"];
    else yield* prototypeNames(inner, field);
  }
}

function problemOf(issue: z.core.$ZodIssue): [string, string][] {
  const field = issue.path.reduce<string>((path, part) => {
    if (typeof part === "number") return `${path}[${part}]`;
    return path === "" ? String(part) : `${path}.${String(part)}`;
  }, "");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => [
      field === "" ? key : `${field}.${key}`,
      "is not an option: remove it, or correct its name",
    ]);
  }
  // The rule of a name says more than that a key is invalid.
  const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const isMissing = issue.code !== "custom" && "input" in issue && issue.input === undefined;
  return [[field, isMissing ? `is required: it ${message}` : message]];
}

function withoutUndefined(config: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
