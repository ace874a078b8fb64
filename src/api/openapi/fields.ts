/**
 * `docs/fields.md`: every field that the API accepts, what it does, and the test that sees it do so. A field without
 * either is a problem, and so is a test that does not exist: nothing is accepted and ignored.
 */
import { FIELD_TESTS } from "../schemas/field-tests.ts";
import { componentName, type JsonSchema } from "./schemas.ts";

interface Field {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  /** It only holds other fields, which have tests of their own. */
  readonly isGroup: boolean;
}

interface Section {
  readonly name: string;
  /** Where it is sent. */
  readonly operations: Set<string>;
  readonly fields: Field[];
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly parameters?: readonly (Parameter | { $ref: string })[];
        readonly requestBody?: { content: { "application/json": { schema: JsonSchema } } };
      }
    >
  >;
  readonly components: { readonly schemas: Record<string, JsonSchema> };
}

const LEGACY = "/cloudchamber";
const QUERY = "query";
const MANY = 5;

export async function fieldsPage(
  made: unknown,
  readProjectFile: (path: string) => Promise<string>,
): Promise<{ page: string; problems: string[] }> {
  const sections = [...bodySections(made as Document), ...querySections(made as Document)];
  const problems: string[] = [];
  const tests = new TestBook(readProjectFile);
  const parts: string[] = [];
  for (const section of sections) {
    const rows: string[] = [];
    for (const field of section.fields) {
      const label = `${section.name}: ${field.path}`;
      const description = field.schema.description ?? "";
      if (description === "")
        problems.push(`${label}: has no description: add .describe("what it does") to its schema`);
      const [file, title] = FIELD_TESTS[section.name]?.[field.path] ?? sharedTest(field, sections) ?? ["", ""];
      if (file === "" && !field.isGroup) problems.push(`${label}: has no test in src/api/schemas/field-tests.ts`);
      if (file !== "" && !(await tests.has(file, title))) problems.push(`${label}: ${file} has no test "${title}"`);
      const test = file === "" ? "" : `[${title}](../${file})`;
      rows.push(row([`\`${field.path}\``, typeOf(field), limitsOf(field.schema), defaultOf(field), description, test]));
    }
    const unknown = Object.keys(FIELD_TESTS[section.name] ?? {}).filter(
      (path) => !section.fields.some((field) => field.path === path),
    );
    for (const path of unknown) problems.push(`${section.name}: ${path}: is in field-tests.ts and not in the schema`);
    const used = [...section.operations].map((operation) => `\`${operation}\``).join(", ");
    parts.push(`## ${section.name}\n\n${used}\n\n${HEAD}\n${rows.join("\n")}\n`);
  }
  for (const name of Object.keys(FIELD_TESTS)) {
    if (!sections.some((section) => section.name === name)) problems.push(`${name}: is in field-tests.ts only`);
  }
  return { page: `${INTRODUCTION}\n${parts.join("\n")}`, problems };
}

/** A field that is part of another body too, such as one of a configuration, has the test of that. */
function sharedTest(field: Field, sections: readonly Section[]): readonly [string, string] | undefined {
  const text = JSON.stringify(field.schema);
  for (const { name, fields } of sections) {
    for (const other of fields) {
      const test = FIELD_TESTS[name]?.[other.path];
      const isSuffix = field.path === other.path || field.path.endsWith(`.${other.path}`);
      if (test !== undefined && isSuffix && JSON.stringify(other.schema) === text) return test;
    }
  }
  return undefined;
}

const INTRODUCTION = `# Fields

Made by \`npm run openapi\`. Every field that the control API accepts: a field that is not here is refused with its path.
Paths are those below an account's base; \`[]\` is each item of an array, \`*\` each value of a map.
`;

const HEAD = "| field | type | limits | default | effect | test |\n| --- | --- | --- | --- | --- | --- |";

function bodySections({ paths, components }: Document): Section[] {
  const sections = new Map<string, Section>();
  const visit = (name: string, schema: JsonSchema, operation: string) => {
    const known = sections.get(name);
    known?.operations.add(operation);
    const section = known ?? { name, operations: new Set([operation]), fields: [] };
    sections.set(name, section);
    // Components that it refers to are sections of their own, reached by the same operation.
    const links = new Set<string>();
    const fields = fieldsOf(schema, "", links, components.schemas);
    if (known === undefined) section.fields.push(...fields);
    for (const link of links) visit(link, components.schemas[link] ?? {}, operation);
  };
  for (const [operation, { requestBody }] of operationsOf(paths)) {
    if (requestBody === undefined) continue;
    const schema = requestBody.content["application/json"].schema;
    const name = componentName(schema);
    visit(name ?? operation, name === null ? schema : (components.schemas[name] ?? {}), operation);
  }
  return [...sections.values()];
}

/** One section for all parameters; those of one name that differ stand under their operation. */
function querySections({ paths }: Document): Section[] {
  const byName = new Map<string, { text: string; field: Field; operations: string[] }[]>();
  for (const [operation, { parameters = [] }] of operationsOf(paths)) {
    for (const parameter of parameters) {
      if ("$ref" in parameter || parameter.in !== "query") continue;
      const { name, description, required = false, schema } = parameter;
      const full: JsonSchema = { ...schema, ...(description === undefined ? {} : { description }) };
      const text = JSON.stringify({ description, type: schema["type"], format: schema["format"] });
      const field = { path: name, schema: full, required, isGroup: false };
      const forms = byName.get(name) ?? [];
      byName.set(name, forms);
      const same = forms.find((form) => form.text === text);
      if (same === undefined) forms.push({ text, field, operations: [operation] });
      else same.operations.push(operation);
    }
  }
  const fields = [...byName]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, forms]) =>
      forms.map(({ field, operations }) => ({
        ...field,
        path: forms.length === 1 ? name : `${name} (${usedBy(operations)})`,
      })),
    );
  return fields.length === 0 ? [] : [{ name: QUERY, operations: new Set(["query parameters"]), fields }];
}

/** A parameter that many lists share is theirs; others are named by where they are taken. */
function usedBy(operations: readonly string[]): string {
  return operations.length > MANY ? "the usual lists" : operations.join(", ");
}

function operationsOf(paths: Document["paths"]) {
  return Object.entries(paths)
    .filter(([path]) => !path.includes(LEGACY))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const short = path.replace("/client/v4/accounts/{account_id}/containers", "");
        return [`${method.toUpperCase()} ${short}`, operation] as const;
      }),
    );
}

function fieldsOf(
  schema: JsonSchema,
  prefix: string,
  links: Set<string>,
  components: Record<string, JsonSchema>,
): Field[] {
  const inside = (item: JsonSchema, path: string): Field[] => {
    const name = componentName(item);
    if (name !== null) {
      // An enum is a type of a field, not something with fields.
      if (components[name]?.enum === undefined) links.add(name);
      return [];
    }
    return fieldsOf(item, path, links, components);
  };
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    // Listed in the document for its reason, and never accepted.
    if (property["not"] !== undefined) return [];
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const resolved = { ...components[componentName(property) ?? ""], ...property };
    const isGroup = resolved.properties !== undefined || resolved.items?.properties !== undefined;
    const required = schema.required?.includes(name) === true;
    return [{ path, schema: resolved, required, isGroup }, ...inside(property, path)];
  });
  const items = schema.items === undefined ? [] : inside(schema.items, `${prefix}[]`);
  const values =
    typeof schema.additionalProperties === "object" ? inside(schema.additionalProperties, `${prefix}.*`) : [];
  const options = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const all = [...own, ...items, ...values, ...options.flatMap((option) => inside(option, prefix))];
  return all.filter((field, index) => all.findIndex(({ path }) => path === field.path) === index);
}

function typeOf({ schema, required }: Field): string {
  return `${typeName(schema)}${required ? ", required" : ""}`;
}

function typeName(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(" or ");
  if (schema["const"] !== undefined) return `\`${JSON.stringify(schema["const"])}\``;
  const options = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (options.length > 0) return [...new Set(options.map(typeName))].join(" or ");
  if (schema.type === "array") return `array of ${schema.items === undefined ? "anything" : typeName(schema.items)}`;
  const format = typeof schema["format"] === "string" ? ` (${schema["format"]})` : "";
  const name = componentName(schema);
  if (name !== null) return `[${name}](#${name.toLowerCase()})`;
  return `${[schema.type ?? "any"].flat().join(" or ")}${format}`;
}

function limitsOf(schema: JsonSchema): string {
  const range = (min: string, max: string, unit: string) => {
    const [low, high] = [schema[min], schema[max]] as [number | undefined, number | undefined];
    if (high === undefined) return low === undefined ? [] : [`≥ ${low}${unit}`];
    return [low === undefined ? `≤ ${high}${unit}` : `${low} to ${high}${unit}`];
  };
  const { pattern } = schema;
  return [
    ...range("minimum", "maximum", ""),
    ...range("minLength", "maxLength", " characters"),
    ...range("minItems", "maxItems", " items"),
    ...range("x-minimum-seconds", "x-maximum-seconds", " s"),
    ...(typeof pattern === "string" ? [`\`${pattern.replaceAll("|", "\\|")}\``] : []),
  ].join("; ");
}

function defaultOf({ schema }: Field): string {
  return schema["default"] === undefined ? "" : `\`${JSON.stringify(schema["default"])}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("\n", " ")).join(" | ")} |`;
}

/** Titles of tests, as their files spell them. */
class TestBook {
  readonly #files = new Map<string, string>();
  readonly #read: (path: string) => Promise<string>;

  constructor(read: (path: string) => Promise<string>) {
    this.#read = read;
  }

  async has(file: string, title: string): Promise<boolean> {
    let text = this.#files.get(file);
    if (text === undefined) {
      text = await this.#read(file).catch(() => "");
      this.#files.set(file, text);
    }
    return ['"', "'", "`"].some((quote) => text.includes(`${quote}${title}${quote}`));
  }
}
