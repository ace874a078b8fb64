/** What answers without a token; these are no routes of the table, since they have neither account nor envelope. */
import type { Paths } from "./document.ts";

const REQUEST_ID = { "x-request-id": { $ref: "#/components/headers/x-request-id" } };

function json(description: string, schema: object) {
  return { description, headers: REQUEST_ID, content: { "application/json": { schema } } };
}

const readiness = {
  type: "object",
  properties: {
    status: { type: "string", enum: ["ready", "not ready"] },
    checks: {
      type: "object",
      description: "`ok`, or what is wrong",
      additionalProperties: { type: "string" },
    },
  },
  required: ["status", "checks"],
  additionalProperties: false,
};

const alive = {
  type: "object",
  properties: { status: { type: "string", const: "ok" } },
  required: ["status"],
  additionalProperties: false,
};

export const publicPaths: Paths = {
  "/healthz": {
    get: {
      operationId: "getHealthz",
      summary: "Whether the Worker answers",
      tags: ["Service"],
      security: [],
      responses: { 200: json("It does", alive) },
    },
  },
  "/readyz": {
    get: {
      operationId: "getReadyz",
      summary: "Whether it can do its work: objects, images, secrets",
      tags: ["Service"],
      security: [],
      responses: { 200: json("It can", readiness), 503: json("It cannot, and why", readiness) },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "getOpenapiJson",
      summary: "This document",
      tags: ["Service"],
      security: [],
      responses: { 200: json("OpenAPI 3.1", { type: "object", required: ["openapi", "paths"] }) },
    },
  },
};
