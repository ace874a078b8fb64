/** Values that a schema accepts, from a seeded generator. */
import { sample, stringMatching } from "fast-check";
import type { Random } from "../simulation/random.ts";
import type { JsonSchema } from "../../src/api/openapi/schemas.ts";
import { resolve } from "./document.ts";

/** Says what a field's value is, where the schema alone does not; undefined leaves it to the schema. */
export type Hint = (path: readonly string[], schema: JsonSchema, random: Random) => unknown;

const MAX_ITEMS = 3;
const MAX_TEXT = 24;
const LETTERS = ["a", "b", "c", "x", "y", "z", "0", "1", "9", "-", "_"] as const;

interface TextLimits {
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export class Values {
  readonly #document: Record<string, unknown>;
  readonly #random: Random;
  readonly #hint: Hint;

  constructor(document: Record<string, unknown>, random: Random, hint: Hint) {
    this.#document = document;
    this.#random = random;
    this.#hint = hint;
  }

  of(schema: JsonSchema, path: readonly string[] = []): unknown {
    const resolved = resolve(this.#document, schema);
    const hinted = this.#hint(path, resolved, this.#random);
    if (hinted !== undefined) return hinted;
    if (resolved["const"] !== undefined) return resolved["const"];
    if (resolved.enum !== undefined) return this.#one(resolved.enum);
    const options = resolved.anyOf ?? resolved.oneOf;
    if (options !== undefined) return this.of(this.#one(options), path);
    const type = Array.isArray(resolved.type) ? this.#one(resolved.type) : resolved.type;
    if (type === "object") return this.#object(resolved, path);
    if (type === "array") return this.#array(resolved, path);
    if (type === "integer" || type === "number") return this.#number(resolved, type === "integer");
    if (type === "boolean") return this.#random.chance(0.5);
    if (type === "null") return null;
    return this.#text(resolved);
  }

  #object(schema: JsonSchema, path: readonly string[]): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    // A third of the optional fields at a time: all of them at once rarely go together.
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property["not"] !== undefined) continue;
      if (schema.required?.includes(name) !== true && !this.#random.chance(0.35)) continue;
      value[name] = this.of(property, [...path, name]);
    }
    if (typeof schema.additionalProperties === "object" && schema.properties === undefined) {
      const count = this.#random.between(0, MAX_ITEMS);
      for (let index = 0; index < count; index++) {
        const key = this.of(schema.propertyNames ?? { type: "string", pattern: "^[a-z]{1,8}$" }, [...path, "*key"]);
        value[String(key)] = this.of(schema.additionalProperties, [...path, "*"]);
      }
    }
    return value;
  }

  #array(schema: JsonSchema, path: readonly string[]): unknown[] {
    const fixed = schema["prefixItems"] as readonly JsonSchema[] | undefined;
    if (fixed !== undefined) return fixed.map((item) => this.of(item, path));
    const { minItems = 0, maxItems = MAX_ITEMS } = schema as { minItems?: number; maxItems?: number };
    const count = this.#random.between(minItems, Math.max(minItems, Math.min(maxItems, MAX_ITEMS)));
    return Array.from({ length: count }, () => this.of(schema.items ?? {}, [...path, "[]"]));
  }

  #number(schema: JsonSchema, isInteger: boolean): number {
    const { minimum = 0, maximum = minimum + 1_000 } = schema as { minimum?: number; maximum?: number };
    if (this.#random.chance(0.2)) return minimum;
    if (this.#random.chance(0.2)) return maximum;
    if (isInteger) return this.#random.between(Math.ceil(minimum), Math.floor(maximum));
    return Number((minimum + this.#random.next() * (maximum - minimum)).toFixed(3));
  }

  #text(schema: JsonSchema): string {
    const { pattern, format, minLength = 0, maxLength = MAX_TEXT } = schema as TextLimits;
    if (pattern !== undefined) return matching(pattern, this.#random);
    if (format === "date-time") return new Date(Date.UTC(2027, this.#random.between(0, 200))).toISOString();
    if (format === "uuid") return uuid(this.#random);
    const length = this.#random.between(minLength, Math.max(minLength, Math.min(maxLength, MAX_TEXT)));
    return Array.from({ length }, () => this.#random.pick(LETTERS)).join("");
  }

  #one<T>(items: readonly T[]): T {
    return this.#random.pick(items as readonly [T, ...T[]]);
  }
}

/** A text that the pattern matches. fast-check knows no look-ahead, so those are left to chance. */
export function matching(pattern: string, random: Random): string {
  const whole = new RegExp(pattern, "u");
  const simple = new RegExp(pattern.replaceAll(/\(\?[=!](?:[^()\\]|\\.)*\)/g, ""), "u");
  const seed = random.between(0, 0x7fff_ffff);
  const found = sample(stringMatching(simple), { seed, numRuns: 20 }).find((text) => whole.test(text));
  if (found === undefined) throw new Error(`no text found for ${pattern}`);
  return found;
}

export function uuid(random: Random): string {
  const hex = (length: number) => Array.from({ length }, () => random.between(0, 15).toString(16)).join("");
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}
