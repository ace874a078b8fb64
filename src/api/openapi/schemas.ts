/**
 * JSON Schemas of what the API takes and gives, made by zod itself from the very objects that validate. A schema that
 * has a name becomes a component, wherever it is used.
 */
import * as z from "zod";

export type Json = Record<string, unknown>;

export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly enum?: readonly unknown[];
}

/** What is sent to the API, or what it answers: they differ where a schema has defaults or transforms. */
export type Direction = "input" | "output";

const COMPONENTS = "#/components/schemas/";
/** zod's name for what refers to itself: here only `z.json()`, which is anything. */
const ANONYMOUS = "__schema";
/** Marks references from answers until it is known which schemas are the same both ways. */
const ANSWERED = "@answer";

export class SchemaBook {
  readonly #definitions = { input: new Map<string, string>(), output: new Map<string, string>() };

  /** A schema for use in the document; what it names is put among the components. */
  add(schema: z.ZodType, direction: Direction): JsonSchema {
    const { properties, $defs = {} } = z.toJSONSchema(z.object({ root: schema }), {
      io: direction,
      unrepresentable: "any",
      reused: "inline",
      override: ({ zodSchema, jsonSchema }) => mend(zodSchema, jsonSchema, direction),
    }) as unknown as { properties: { root: JsonSchema }; $defs?: Record<string, JsonSchema> };
    for (const [name, named] of Object.entries($defs)) {
      if (name.startsWith(ANONYMOUS)) continue;
      const definition: Json = { ...named };
      delete definition["id"];
      this.#definitions[direction].set(name, linked(definition, direction));
    }
    return JSON.parse(linked(properties.root, direction)) as JsonSchema;
  }

  /** The document with the components in it. What is answered in another form than it is sent has a name of its own. */
  complete(document: Json, others: Readonly<Record<string, JsonSchema>>): Json {
    const { input, output } = this.#definitions;
    const different = this.#differences();
    const schemas: [string, unknown][] = Object.entries(others);
    for (const [name, text] of input) schemas.push([name, JSON.parse(text)]);
    for (const [name, text] of output) {
      if (different.has(name)) schemas.push([`${name}Answer`, JSON.parse(text)]);
      else if (!input.has(name)) schemas.push([name, JSON.parse(text)]);
    }
    const sorted = Object.fromEntries(schemas.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const components = { schemas: sorted, ...(document["components"] as Json) };
    const text = JSON.stringify({ ...document, components });
    const named = text.replaceAll(new RegExp(`([A-Za-z0-9]+)${ANSWERED}"`, "g"), (_, name: string) => {
      return different.has(name) ? `${name}Answer"` : `${name}"`;
    });
    return JSON.parse(named) as Json;
  }

  /** Names that are sent and answered in two forms, be it only since something in them is. */
  #differences(): ReadonlySet<string> {
    const { input, output } = this.#definitions;
    const different = new Set<string>();
    for (let size = -1; size !== different.size;) {
      size = different.size;
      for (const [name, answered] of output) {
        const sent = input.get(name);
        if (sent === undefined) continue;
        const refers = [...different].some((other) => answered.includes(`${COMPONENTS}${other}${ANSWERED}"`));
        if (refers || sent !== answered.replaceAll(ANSWERED, "")) different.add(name);
      }
    }
    return different;
  }
}

function linked(schema: unknown, direction: Direction): string {
  const mark = direction === "output" ? ANSWERED : "";
  return JSON.stringify(schema, (key, value: unknown) => {
    if (key !== "$ref" || typeof value !== "string") return value;
    const name = value.slice("#/$defs/".length);
    return name.startsWith(ANONYMOUS) ? undefined : `${COMPONENTS}${name}${mark}`;
  });
}

/** The component that a reference names, or null. */
export function componentName(schema: JsonSchema): string | null {
  const ref = schema.$ref;
  return ref?.startsWith(COMPONENTS) === true ? ref.slice(COMPONENTS.length) : null;
}

/** Gives exported schemas the names under which the document knows them. */
export function nameSchemas(modules: readonly Readonly<Record<string, unknown>>[]): void {
  const names = new Map<string, z.ZodType>();
  for (const [exportName, value] of modules.flatMap((module) => Object.entries(module))) {
    if (!(value instanceof z.ZodObject || value instanceof z.ZodUnion || value instanceof z.ZodEnum)) continue;
    if (z.globalRegistry.get(value)?.id !== undefined) continue;
    const name = freeName(exportName, names);
    names.set(name, value);
    z.globalRegistry.add(value, { ...z.globalRegistry.get(value), id: name });
  }
}

/** `applicationResult` is `Application`; `configurationSchema` is `ConfigurationInput` beside a `configurationResult`. */
function freeName(exportName: string, taken: ReadonlyMap<string, unknown>): string {
  const base = exportName.replace(/(?:Result|Schema)$/, "");
  const name = `${base.charAt(0).toUpperCase()}${base.slice(1)}`;
  if (!taken.has(name)) return name;
  const other = exportName.endsWith("Schema") ? `${name}Input` : `${name}Answer`;
  if (!taken.has(other)) return other;
  throw new Error(`two schemas would be called ${other}: rename the export ${exportName}`);
}

/** zod's own spelling is for machines that know zod; the document is for all. */
function mend(zodSchema: unknown, json: Json, direction: Direction): void {
  if (direction === "output" && zodSchema instanceof z.ZodPipe && zodSchema.def.out instanceof z.ZodTransform) {
    // What comes out of a transform is among what goes in, as far as this API has any.
    const { $schema: _, ...input } = z.toJSONSchema(zodSchema, { io: "input", unrepresentable: "any" });
    Object.assign(json, input);
  }
  if (json["format"] === "starts_with") delete json["format"];
  if (json["format"] === "date-time" || json["format"] === "uuid") delete json["pattern"];
  if (json["minimum"] === Number.MIN_SAFE_INTEGER) delete json["minimum"];
  if (json["maximum"] === Number.MAX_SAFE_INTEGER) delete json["maximum"];
}
