import { describe, it } from "vitest";
import { operationsSource, printType, type OpenApi } from "./operations.ts";

describe("a type", () => {
  it.for<[Record<string, unknown>, string]>([
    [{ type: "string", format: "uuid", description: "x" }, "string"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ type: ["integer", "number"] }, "number"],
    [{ type: "array", items: { type: "string" } }, "string[]"],
    [{ type: "array", items: { enum: ["a", 1] } }, '("a" | 1)[]'],
    [{ const: false }, "false"],
    [{ not: {} }, "never"],
    [{}, "unknown"],
    [{ $ref: "#/components/schemas/Application" }, 'Schemas["Application"]'],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, "string | null"],
    [{ allOf: [{ $ref: "#/a/A" }, { $ref: "#/a/B" }] }, 'Schemas["A"] & Schemas["B"]'],
    [{ type: "object", additionalProperties: { type: "number" } }, "Record<string, number>"],
    [{ type: "object", properties: {}, additionalProperties: false }, "Record<string, never>"],
    [
      { type: "object", required: ["a"], properties: { a: { type: "string" }, "b-c": { type: "boolean" } } },
      '{\n  a: string;\n  "b-c"?: boolean;\n}',
    ],
  ])("of %j is %s", ([schema, text], { expect }) => {
    expect(printType(schema, "")).toBe(text);
  });

  it("of what is not known is an error, and never guessed", ({ expect }) => {
    expect(() => printType({ type: "object", patternProperties: {} }, "")).toThrowError("patternProperties");
    expect(() => printType({ type: "file" }, "")).toThrowError("file");
  });
});

const answer = (schema: object) => ({ "200": { content: { "application/json": { schema } } } });

describe("operations", () => {
  const envelope = { type: "object", properties: { success: { const: true }, result: { type: "string" } } };
  const document: OpenApi = {
    components: { schemas: { Thing: { type: "string", description: "ends */ here" } } },
    paths: {
      "/client/v4/accounts/{account_id}/containers/things/{id}": {
        put: {
          summary: "Write it",
          parameters: [
            { $ref: "#/components/parameters/account_id" },
            { name: "id", in: "path", required: true, schema: { type: "string" } },
            { name: "dry_run", in: "query", schema: { type: "boolean" } },
            { $ref: "#/components/parameters/If-Match" },
          ],
          requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } },
          responses: answer(envelope),
        },
      },
      "/client/v4/accounts/{account_id}/cloudchamber/things/{id}": { put: { responses: answer({}) } },
      "/client/v4/accounts/{account_id}/containers/metrics": { get: { responses: answer(envelope) } },
      "/metrics": { get: { responses: answer(envelope) } },
      "/healthz": { get: { responses: { "200": {} } } },
    },
  };

  it("have what they take and give, once each, below their account or at the root", ({ expect }) => {
    expect(operationsSource(document)).toBe(`/** Made by \`npm run openapi\` from openapi.json. Do not edit. */

export interface Schemas {
  /** ends * / here */
  Thing: string;
}

/** Paths of these operations are whole; all others are below the account's. */
export const ROOT_PATHS: readonly string[] = ["/healthz"];

/** What an operation takes and gives; the key is its method and path. */
export interface Operations {
  /** Write it */
  "PUT /things/{id}": {
    params: {
      id: string;
    };
    query: {
      dry_run?: boolean;
    };
    body: Schemas["Thing"];
    headers: "ifMatch";
    result: string;
  };
  "GET /metrics": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: string;
  };
  "GET /healthz": {
    params: undefined;
    query: undefined;
    body: undefined;
    headers: never;
    result: undefined;
  };
}
`);
  });
});
