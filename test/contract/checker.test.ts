/** The checker must be able to fail: right answers of a small contract pass, and each kind of wrong one does not. */
import { describe, it } from "vitest";
import { Checker, type Answer } from "./checker.ts";
import { contractOf, type Operation } from "./document.ts";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const errors = { DomainError: {}, ErrorEnvelope: {}, Error: {} };
const envelope = (result: object) => ({
  type: "object",
  properties: { success: { const: true }, result },
  required: ["success", "result"],
  additionalProperties: false,
});

const contract = contractOf({
  paths: {
    "/things": {
      post: {
        operationId: "postThings",
        requestBody: { content: { "application/json": { schema: ref("NewThing") } } },
        responses: {
          201: {
            headers: { ETag: { $ref: "#/components/headers/ETag" } },
            content: { "application/json": { schema: envelope(ref("Thing")) } },
          },
          400: { $ref: "#/components/responses/invalid" },
        },
      },
    },
  },
  components: {
    headers: { ETag: { required: true, schema: { type: "string" } } },
    responses: {
      invalid: {
        content: { "application/json": { schema: ref("ErrorEnvelope") } },
        "x-error-codes": ["VALIDATE_INPUT"],
      },
    },
    schemas: {
      ...errors,
      Thing: {
        type: "object",
        properties: { id: { type: "string", format: "uuid" }, at: { type: "string", format: "date-time" } },
        required: ["id"],
        additionalProperties: false,
      },
      NewThing: {
        type: "object",
        properties: { name: { type: "string" } },
        required: ["name"],
        additionalProperties: false,
      },
      DomainError: { type: "object", properties: { error: { type: "string" } }, required: ["error", "message"] },
      ErrorEnvelope: { type: "object", properties: { success: { const: false } }, required: ["success", "errors"] },
    },
  },
});
const operation = contract.operations[0] as Operation;
const checker = new Checker(contract);

const ID = "123e4567-e89b-42d3-a456-426614174000";
const good: Answer = {
  status: 201,
  headers: { "content-type": "application/json", "x-request-id": ID, etag: '"a-1"' },
  body: JSON.stringify({ success: true, result: { id: ID } }),
};
const refusal = (error: { error: string; message?: string }, told: object = error): Answer => ({
  ...good,
  status: 400,
  body: JSON.stringify({ success: false, errors: [{ error: error.error, message: JSON.stringify(told) }] }),
});
const created = (result: object): Answer => ({ ...good, body: JSON.stringify({ success: true, result }) });
const request = { operation, body: { name: "a" }, mustFail: false, secrets: ["hush"] };

describe("what passes", () => {
  it.for([
    ["the documented answer", good],
    ["a documented refusal", refusal({ error: "VALIDATE_INPUT", message: "no" })],
  ] as const)("%s", ([, answer], { expect }) => {
    expect(checker.problemsOf(request, answer)).toEqual([]);
  });

  it("a refusal of another method that says what is allowed", ({ expect }) => {
    const answer = { ...refusal({ error: "METHOD_NOT_ALLOWED", message: "no" }), status: 405 };
    const allowing = { ...answer, headers: { ...answer.headers, allow: "POST" } };
    expect(checker.problemsOf({ ...request, operation: null }, allowing)).toEqual([]);
  });

  it("one of the registry, in the form of its clients", ({ expect }) => {
    const body = JSON.stringify({ errors: [{ code: "UNSUPPORTED", message: "no", detail: null }] });
    const headers = { ...good.headers, allow: "GET", "docker-distribution-api-version": "registry/2.0" };
    const asked = { ...request, operation: null };
    expect(checker.problemsOf(asked, { status: 405, headers, body })).toEqual([]);
    expect(checker.problemsOf(asked, { status: 405, headers, body: "{}" })).not.toEqual([]);
  });
});

describe("what does not", () => {
  it.for([
    ["a status that is not documented", { ...good, status: 500 }, "answers 500"],
    ["a field that is not documented", created({ id: ID, extra: 1 }), "additional properties"],
    ["a missing field", created({}), "required property 'id'"],
    ["a value of another format", created({ id: "x" }), 'format "uuid"'],
    ["a time that is none", created({ id: ID, at: "yesterday" }), 'format "date-time"'],
    ["no JSON", { ...good, body: "<html>" }, "not JSON"],
    ["another content type", { ...good, headers: { ...good.headers, "content-type": "text/html" } }, "text/html"],
    ["no request id", { ...good, headers: { ...good.headers, "x-request-id": undefined } }, "x-request-id"],
    ["no ETag", { ...good, headers: { ...good.headers, etag: undefined } }, "ETag"],
    ["a secret", created({ id: ID, at: "hush" }), "secret"],
    ["another error's code", refusal({ error: "FORBIDDEN", message: "no" }), "FORBIDDEN"],
    [
      "an error that says two things",
      refusal({ error: "VALIDATE_INPUT", message: "no" }, { error: "FORBIDDEN", message: "no" }),
      "another code",
    ],
    ["an error without its message", refusal({ error: "VALIDATE_INPUT" }), "required property 'message'"],
  ] as const)("%s", ([, answer, problem], { expect }) => {
    expect(checker.problemsOf(request, answer).join("; ")).toContain(problem);
  });

  it.for([
    ["an unknown field", { name: "a", other: 1 }],
    ["another type", { name: 1 }],
    ["no object", []],
    ["no JSON at all", undefined],
  ] as const)("success for a body with %s", ([, body], { expect }) => {
    expect(checker.problemsOf({ ...request, body }, good).join("; ")).toContain("cannot be right");
  });

  it("success without a token", ({ expect }) => {
    expect(checker.problemsOf({ ...request, mustFail: true }, good).join("; ")).toContain("cannot be right");
  });

  it("another method that is answered", ({ expect }) => {
    expect(checker.problemsOf({ ...request, operation: null }, good)).not.toEqual([]);
  });
});
