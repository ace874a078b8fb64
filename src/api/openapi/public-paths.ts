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

const registryHeaders = {
  ...REQUEST_ID,
  "docker-distribution-api-version": { required: true, schema: { type: "string", const: "registry/2.0" } },
};

export const publicPaths: Paths = {
  "/v2": {
    get: {
      operationId: "getV2",
      summary: "What registry clients ask first: is this a registry, and is the login good",
      tags: ["Service"],
      security: [],
      responses: {
        200: {
          description: "It is",
          headers: registryHeaders,
          content: { "application/json": { schema: { type: "object" } } },
        },
        401: {
          description: "Log in with credentials of `POST …/registries/{domain}/credentials`",
          headers: { ...registryHeaders, "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } },
          content: { "application/json": { schema: { type: "object", required: ["errors"] } } },
        },
      },
    },
  },
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
