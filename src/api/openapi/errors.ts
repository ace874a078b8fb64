/** Which errors an operation can give, and how they look: from the route's own codes and from what dispatch refuses. */
import { ERRORS, type ErrorCode } from "../../errors.ts";
import type { Form } from "../envelope.ts";
import { isWrite, type Route } from "../route.ts";
import type { Json, JsonSchema } from "./schemas.ts";

/** By status, in order. */
export function errorsOf(route: Route): Map<number, ErrorCode[]> {
  const codes = new Set<ErrorCode>([
    "VALIDATE_INPUT",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "ACCOUNT_NOT_FOUND",
    "RATE_LIMITED",
    ...route.errors,
  ]);
  if (route.body !== null) for (const code of ["BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"] as const) codes.add(code);
  if (isWrite(route.method)) {
    for (const code of ["IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED"] as const) codes.add(code);
    if (route.etag) codes.add("PRECONDITION_FAILED");
    if (route.sensitive) codes.add("MASTER_KEY_MISSING");
  }
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes].toSorted((a, b) => ERRORS[a].status - ERRORS[b].status)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

/** The error responses that operations share, each named by the codes that it may hold. */
export class ResponseBook {
  readonly #responses = new Map<string, Json>();

  add(status: number, codes: readonly ErrorCode[], form: Form): Json {
    const name = [...codes, ...(form === "envelope" ? [] : [form])].join(".");
    if (!this.#responses.has(name)) this.#responses.set(name, errorResponse(status, codes, form));
    return { $ref: `#/components/responses/${name}` };
  }

  components(): Json {
    return Object.fromEntries([...this.#responses].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function errorResponse(status: number, codes: readonly ErrorCode[], form: Form): Json {
  const retryable = codes.some((code) => ERRORS[code].retryable);
  return {
    description: codes.join(", "),
    headers: {
      ...ref("headers", "x-request-id"),
      ...ref("headers", "x-should-retry"),
      ...(retryable ? ref("headers", "Retry-After") : {}),
      ...(status === 412 ? { ETag: { $ref: "#/components/headers/CurrentETag" } } : {}),
      ...(status === 401 ? ref("headers", "WWW-Authenticate") : {}),
    },
    content: { "application/json": { schema: { $ref: `#/components/schemas/${ERROR_SCHEMA[form]}` } } },
    "x-error-codes": codes,
  };
}

const ERROR_SCHEMA: Readonly<Record<Form, string>> = {
  envelope: "ErrorEnvelope",
  plain: "PlainErrorEnvelope",
  bare: "Error",
};

function ref(kind: string, name: string): Json {
  return { [name]: { $ref: `#/components/${kind}/${name}` } };
}

const DETAILS: JsonSchema = {
  type: "object",
  description: "what explains the error: field names, limits, ids; `reason` is a sentence to show",
  additionalProperties: {
    anyOf: [{ type: ["string", "number", "boolean", "null"] }, { type: "array", items: { type: "string" } }],
  },
};

function envelopeOf(message: JsonSchema): JsonSchema {
  const error = {
    type: "object",
    properties: {
      code: { type: "integer", description: "Cloudflare's number" },
      message,
      error: { type: "string", enum: Object.keys(ERRORS) },
      retryable: { type: "boolean" },
      details: DETAILS,
    },
    required: ["code", "message", "error", "retryable", "details"],
    additionalProperties: false,
  };
  return {
    type: "object",
    properties: {
      success: { type: "boolean", const: false },
      errors: { type: "array", minItems: 1, maxItems: 1, items: error },
      messages: { type: "array", maxItems: 0 },
      result: { type: "null" },
    },
    required: ["success", "errors", "messages", "result"],
    additionalProperties: false,
  };
}

const DOMAIN_ERROR_FIELDS = {
  error: { type: "string", enum: Object.keys(ERRORS), description: "the code, which is the contract" },
  message: { type: "string" },
  retryable: { type: "boolean", description: "whether the same request may succeed later" },
  details: DETAILS,
};

export const errorSchemas: Readonly<Record<string, JsonSchema>> = {
  DomainError: {
    type: "object",
    properties: DOMAIN_ERROR_FIELDS,
    required: Object.keys(DOMAIN_ERROR_FIELDS),
    additionalProperties: false,
  },
  ErrorEnvelope: envelopeOf({
    type: "string",
    description: "what stands beside it, as Cloudflare's clients read it; a sentence where it is about who asks",
    contentMediaType: "application/json",
    contentSchema: { $ref: "#/components/schemas/DomainError" },
  }),
  PlainErrorEnvelope: envelopeOf({ type: "string", description: "a sentence to show" }),
  Error: {
    description: "an error of the legacy base",
    type: "object",
    properties: { ...DOMAIN_ERROR_FIELDS, request_id: { type: "string", format: "uuid" } },
    required: [...Object.keys(DOMAIN_ERROR_FIELDS), "request_id"],
    additionalProperties: false,
  },
};
