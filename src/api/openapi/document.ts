/**
 * `openapi.json` from the route table: nothing in it is written a second time. Made on Node by `npm run openapi`; the
 * Worker only hands the file out.
 */
import * as z from "zod";
import type { Form } from "../envelope.ts";
import { isWrite, type Route } from "../route.ts";
import { scopeOf } from "../scopes.ts";
import { headers, parameters, requestHeaders, resultInfo, securitySchemes } from "./components.ts";
import { errorSchemas, errorsOf, ResponseBook } from "./errors.ts";
import { publicPaths } from "./public-paths.ts";
import { SchemaBook, type Json, type JsonSchema } from "./schemas.ts";

export type Paths = Record<string, Record<string, Json>>;

const ACCOUNT_BASE = "/client/v4/accounts/{account_id}/containers";
const LEGACY_BASE = "/client/v4/accounts/{account_id}/cloudchamber";
const SHORT_BASE = "/client/v4/containers";

const DESCRIPTION = `The control API of Gantry: Cloudflare's Containers API, and what Gantry adds to it.

Every path below \`${ACCOUNT_BASE}\` also answers below \`${SHORT_BASE}\`, for the token's own account. The same
handlers answer below \`${LEGACY_BASE}\` for clients of Cloudchamber: the bare result without an envelope, and errors as
\`Error\`.

An unknown field or parameter is refused with its path. \`errors[0].error\` is the code.`;

export function openApiDocument(routes: readonly Route[], version: string): Json {
  const books: Books = { schemas: new SchemaBook(), responses: new ResponseBook() };
  const paths: Paths = { ...publicPaths };
  const add = (path: string, method: string, operation: Json) => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  for (const route of routes) {
    const method = route.method.toLowerCase();
    if (route.base === "root") add(templated(route.path), method, operationOf(route, formOf(route), books, ""));
    else {
      add(`${ACCOUNT_BASE}${templated(route.path)}`, method, operationOf(route, formOf(route), books, ACCOUNT_BASE));
      add(`${LEGACY_BASE}${templated(route.path)}`, method, operationOf(route, "bare", books, LEGACY_BASE));
    }
  }
  const document = {
    openapi: "3.1.1",
    info: { title: "Gantry", version, description: DESCRIPTION, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    tags: [...new Set(routes.map(({ tag }) => tag))].toSorted().map((name) => ({ name })),
    paths,
    components: {
      responses: books.responses.components(),
      parameters,
      headers,
      securitySchemes,
    },
    "x-aliases": { [ACCOUNT_BASE]: SHORT_BASE },
  };
  return books.schemas.complete(document, { ...errorSchemas, ResultInfo: resultInfo });
}

interface Books {
  readonly schemas: SchemaBook;
  readonly responses: ResponseBook;
}

function operationOf(route: Route, form: Form, books: Books, base: string): Json {
  const { summary, tag, scope } = route;
  const body = form === "bare" ? (route.legacyBody ?? route.body) : route.body;
  return {
    operationId: operationId(route, form),
    summary,
    tags: [form === "bare" ? "Legacy base" : tag],
    "x-scope": scopeOf(scope),
    description: `Takes a token of scope \`${scopeOf(scope).replace(" or ", "` or `")}\`.${route.sensitive ? " The answer holds a secret." : ""}`,
    parameters: [
      ...pathParameters(`${base}${route.path}`),
      ...queryParameters(route.query, books),
      ...headersOf(route),
    ],
    ...(body === null
      ? {}
      : {
          requestBody: {
            required: !route.isBodyOptional,
            content: { "application/json": { schema: books.schemas.add(withoutNull(body), "input") } },
          },
        }),
    responses: responsesOf(route, form, books),
  };
}

/** Null is what a handler gets when there is none. */
function withoutNull(body: z.ZodType): z.ZodType {
  return body instanceof z.ZodNullable ? (body.unwrap() as z.ZodType) : body;
}

function responsesOf(route: Route, form: Form, books: Books): Json {
  const responses: Json = {};
  for (const status of route.statuses) {
    responses[status] = {
      description: status === 201 ? "Created" : "OK",
      headers: {
        ...headerRef("x-request-id"),
        ...(showsEtag(route, status) ? etagHeader(route) : {}),
        ...(isWrite(route.method) ? headerRef("Idempotency-Replayed") : {}),
      },
      ...contentOf(route, form, books),
    };
  }
  for (const [status, codes] of errorsOf(route)) responses[status] = books.responses.add(status, codes, form);
  return responses;
}

/** An action and a delete take `If-Match` of what they are about, and answer with something else. */
function showsEtag({ etag, method }: Route, status: number): boolean {
  return etag && (method === "GET" || method === "PATCH" || method === "PUT" || status === 201);
}

/** A dry run of what is not there yet has none. */
function etagHeader({ method }: Route): Json {
  if (method !== "PUT") return headerRef("ETag");
  return { ETag: { description: "names this state of the resource, where there is one", schema: { type: "string" } } };
}

function formOf({ plainErrors }: Route): Form {
  return plainErrors ? "plain" : "envelope";
}

/** Whether the answer is a stream where the caller accepts one. */
function isWatched({ path }: Route): boolean {
  return path.endsWith("/events");
}

function contentOf(route: Route, form: Form, books: Books): Json {
  const { result, paged } = route;
  if (result === null) return { content: { "text/plain": { schema: { type: "string" } } } };
  const schema = books.schemas.add(result, "output");
  const stream = isWatched(route) ? { "text/event-stream": { schema: { type: "string" } } } : {};
  return {
    content: { "application/json": { schema: form === "bare" ? schema : enveloped(schema, paged) }, ...stream },
  };
}

function enveloped(result: JsonSchema, paged: boolean): JsonSchema {
  const info = { result_info: { $ref: "#/components/schemas/ResultInfo" } };
  return {
    type: "object",
    properties: {
      success: { type: "boolean", const: true },
      errors: { type: "array", maxItems: 0 },
      messages: { type: "array", maxItems: 0 },
      result,
      ...(paged ? info : {}),
    },
    required: ["success", "errors", "messages", "result", ...(paged ? ["result_info"] : [])],
    additionalProperties: false,
  };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)|\{(\w+)\}/g)].map(([, own, base]) => {
    const name = own ?? base ?? "";
    if (name in parameters) return { $ref: `#/components/parameters/${name}` };
    return { name, in: "path", required: true, schema: { type: "string" } };
  });
}

function queryParameters(query: z.ZodType, books: Books): Json[] {
  const { properties = {}, required = [] } = books.schemas.add(query, "input");
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    ...(required.includes(name) ? { required: true } : {}),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function headersOf(route: Route): Json[] {
  return requestHeaders(route).map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function headerRef(name: string): Json {
  return { [name]: { $ref: `#/components/headers/${name}` } };
}

function templated(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

/** `GET /applications/:id/versions` is `getApplicationsIdVersions`. */
function operationId({ method, path }: Route, form: Form): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const camel = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
  return `${form === "bare" ? "legacy" : ""}${form === "bare" ? capital(method) : method.toLowerCase()}${camel}`;
}

function capital(text: string): string {
  return `${text.charAt(0)}${text.slice(1).toLowerCase()}`;
}
