/** The operations of openapi.json, as the walk uses them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JsonSchema } from "../../src/api/openapi/schemas.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: JsonSchema;
}

export interface ResponseObject {
  readonly headers: Readonly<Record<string, JsonSchema>>;
  readonly content: Readonly<Record<string, { schema?: JsonSchema }>>;
  readonly "x-error-codes"?: readonly string[];
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With `{parameters}`. */
  readonly path: string;
  readonly isPublic: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | null;
  readonly isBodyOptional?: boolean;
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export interface Contract {
  /** For references. */
  readonly document: Record<string, unknown>;
  readonly operations: readonly Operation[];
  /** From a base to another one that answers the same. */
  readonly aliases: Readonly<Record<string, string>>;
}

interface RawOperation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly unknown[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: { "application/json": { schema: JsonSchema } };
  };
  readonly responses: Record<string, unknown>;
}

export async function loadContract(): Promise<Contract> {
  const text = await readFile(join(import.meta.dirname, "../../openapi.json"), "utf8");
  return contractOf(JSON.parse(text) as Record<string, unknown>);
}

export function contractOf(document: Record<string, unknown>): Contract {
  const paths = document["paths"] as Record<string, Record<string, RawOperation>>;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]): Operation => {
      const responses = Object.entries(raw.responses).map(([status, response]) => {
        const { headers = {}, content = {}, ...rest } = resolve(document, response) as Partial<ResponseObject>;
        const named = Object.entries(headers).map(([name, header]) => [name, resolve(document, header)]);
        return [status, { headers: Object.fromEntries(named) as Record<string, JsonSchema>, content, ...rest }];
      });
      return {
        id: raw.operationId,
        method: method.toUpperCase(),
        path,
        isPublic: raw.security?.length === 0,
        parameters: (raw.parameters ?? []).map((item) => ({
          required: false,
          ...(resolve(document, item) as Omit<Parameter, "required">),
        })),
        body: raw.requestBody?.content["application/json"].schema ?? null,
        isBodyOptional: raw.requestBody?.required === false,
        responses: Object.fromEntries(responses) as Record<string, ResponseObject>,
      };
    }),
  );
  return { document, operations, aliases: (document["x-aliases"] ?? {}) as Record<string, string> };
}

/** Follows `$ref`, keeping what stands beside it. */
export function resolve(document: Record<string, unknown>, value: unknown): JsonSchema {
  const schema = value as JsonSchema;
  if (schema.$ref === undefined) return schema;
  const target = schema.$ref
    .slice(2)
    .split("/")
    .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document);
  const { $ref: _, ...beside } = schema;
  return { ...resolve(document, target), ...beside };
}
