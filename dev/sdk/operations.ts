/**
 * The control API's operations as TypeScript types, from its OpenAPI document: what the SDK's client is typed by. Only the
 * part of JSON Schema that the document has is known; anything else is an error and never a silent `unknown`.
 */

export interface Schema {
  readonly [keyword: string]: unknown;
}

interface Parameter {
  readonly $ref?: string;
  readonly name?: string;
  readonly in?: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Paths under it are the same for every account, and named without it. */
const BASE = "/client/v4/accounts/{account_id}/containers";
/** The same handlers in another form, for clients that are older than this API. */
const LEGACY = "/client/v4/accounts/{account_id}/cloudchamber";
const METHODS = ["get", "post", "put", "patch", "delete"] as const;

export function operationsSource(document: OpenApi): string {
  const paths = Object.entries(document.paths).filter(([path]) => !path.startsWith(LEGACY));
  const accounts = new Set(paths.flatMap(([path]) => (path.startsWith(`${BASE}/`) ? [path.slice(BASE.length)] : [])));
  const roots = paths.flatMap(([path]) => (path.startsWith(`${BASE}/`) || accounts.has(path) ? [] : [path]));
  const operations = paths.flatMap(([path, item]) => {
    // The same name at the root is the same thing for all accounts.
    if (accounts.has(path)) return [];
    const short = path.startsWith(`${BASE}/`) ? path.slice(BASE.length) : path;
    return METHODS.flatMap((method) => {
      const operation = item[method] as Operation | undefined;
      return operation === undefined ? [] : [printOperation(`${method.toUpperCase()} ${short}`, operation)];
    });
  });
  const schemas = Object.entries(document.components.schemas)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => `${comment(schema["description"], "  ")}  ${key(name)}: ${printType(schema, "  ")};`);
  return [
    "/** Made by `npm run openapi` from openapi.json. Do not edit. */",
    "",
    `export interface Schemas {\n${schemas.join("\n")}\n}`,
    "",
    "/** Paths of these operations are whole; all others are below the account's. */",
    `export const ROOT_PATHS: readonly string[] = ${JSON.stringify(roots)};`,
    "",
    "/** What an operation takes and gives; the key is its method and path. */",
    `export interface Operations {\n${operations.join("\n")}\n}`,
    "",
  ].join("\n");
}

function printOperation(name: string, { summary, parameters = [], requestBody, responses }: Operation): string {
  const own = parameters.filter((parameter) => parameter.$ref === undefined);
  const headers = parameters.flatMap(({ $ref }) => HEADER_OPTIONS[$ref?.split("/").at(-1) ?? ""] ?? []);
  const parts = [
    `params: ${printParameters(own.filter((parameter) => parameter.in === "path"))}`,
    `query: ${printParameters(own.filter((parameter) => parameter.in === "query"))}`,
    `body: ${printBody(requestBody)}`,
    `headers: ${headers.length === 0 ? "never" : headers.map((header) => JSON.stringify(header)).join(" | ")}`,
    `result: ${printResult(responses)}`,
  ];
  return `${comment(summary, "  ")}  ${JSON.stringify(name)}: {\n${parts.map((part) => `    ${part};`).join("\n")}\n  };`;
}

const HEADER_OPTIONS: Readonly<Record<string, string>> = {
  "Idempotency-Key": "idempotencyKey",
  "If-Match": "ifMatch",
  "Gantry-Lease-Nonce": "leaseNonce",
  "Gantry-Owner": "owner",
};

function printParameters(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return "undefined";
  const lines = parameters.map(({ name = "", required = false, description, schema = {} }) => {
    return `${comment(description, "      ")}      ${key(name)}${required ? "" : "?"}: ${printType(schema, "      ")};`;
  });
  return `{\n${lines.join("\n")}\n    }`;
}

function printBody(body: Content | undefined): string {
  const schema = body?.content?.["application/json"]?.schema;
  return schema === undefined ? "undefined" : printType(schema, "    ");
}

/** What is inside the envelope; the whole answer where there is none; `string` for text and streams. */
function printResult(responses: Operation["responses"]): string {
  const results = Object.entries(responses).flatMap(([status, { content }]) => {
    if (!status.startsWith("2")) return [];
    const schema = content?.["application/json"]?.schema;
    if (schema === undefined) return content === undefined ? ["undefined"] : ["string"];
    const properties = schema["properties"] as Record<string, Schema> | undefined;
    const result = properties?.["success"] === undefined ? schema : properties["result"];
    return [result === undefined ? "undefined" : printType(result, "    ")];
  });
  return [...new Set(results)].join(" | ") || "undefined";
}

/** Says nothing about the type. */
const ANNOTATIONS: ReadonlySet<string> = new Set(
  (
    "description default format minimum maximum minLength maxLength pattern minItems maxItems propertyNames title " +
    "exclusiveMinimum exclusiveMaximum contentMediaType contentSchema uniqueItems multipleOf examples deprecated"
  ).split(" "),
);
const KNOWN: ReadonlySet<string> = new Set(
  "type properties required additionalProperties items anyOf oneOf allOf const enum not $ref".split(" "),
);

export function printType(schema: Schema, indent: string): string {
  for (const keyword of Object.keys(schema)) {
    if (KNOWN.has(keyword) || ANNOTATIONS.has(keyword) || keyword.startsWith("x-")) continue;
    throw new Error(`openapi.json has the keyword ${keyword}, which dev/sdk/operations.ts does not know`);
  }
  const { $ref, anyOf, oneOf, allOf, type } = schema;
  if (typeof $ref === "string") return `Schemas[${JSON.stringify($ref.split("/").at(-1))}]`;
  if ("const" in schema) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => JSON.stringify(value)).join(" | ");
  if ("not" in schema) return "never";
  const either = (anyOf ?? oneOf) as readonly Schema[] | undefined;
  if (either !== undefined) return join(either, " | ", indent);
  if (allOf !== undefined) return join(allOf as readonly Schema[], " & ", indent);
  if (Array.isArray(type))
    return join(
      type.map((one: unknown) => ({ ...schema, type: one })),
      " | ",
      indent,
    );
  switch (type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return printArray(schema["items"] as Schema | undefined, indent);
    case "object":
      return printObject(schema, indent);
    case undefined:
      return "unknown";
    default:
      throw new Error(`openapi.json has the type ${String(type)}, which dev/sdk/operations.ts does not know`);
  }
}

function printArray(items: Schema | undefined, indent: string): string {
  const item = items === undefined ? "unknown" : printType(items, indent);
  return / [|&] /.test(item) ? `(${item})[]` : `${item}[]`;
}

function join(schemas: readonly Schema[], by: string, indent: string): string {
  return [...new Set(schemas.map((schema) => printType(schema, indent)))].join(by);
}

function printObject(schema: Schema, indent: string): string {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const required = new Set(schema["required"] as readonly string[] | undefined);
  const { additionalProperties: rest } = schema;
  const more = typeof rest === "object" ? printType(rest as Schema, indent) : "unknown";
  if (properties.length === 0) return rest === false ? "Record<string, never>" : `Record<string, ${more}>`;
  const inner = `${indent}  `;
  const lines = properties.map(([name, property]) => {
    const mark = required.has(name) ? "" : "?";
    return `${comment(property["description"], inner)}${inner}${key(name)}${mark}: ${printType(property, inner)};`;
  });
  if (typeof rest === "object") lines.push(`${inner}[field: string]: unknown;`);
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function comment(text: unknown, indent: string): string {
  return typeof text === "string" && text !== ""
    ? `${indent}/** ${text.replaceAll("*/", "* /").replaceAll("\n", " ")} */\n`
    : "";
}
