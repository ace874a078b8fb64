/** Whether an answer is one that openapi.json promises. Pure: the walk asks it about every answer. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { JsonSchema } from "../../src/api/openapi/schemas.ts";
import type { Contract, Operation, ResponseObject } from "./document.ts";

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What is known of a request, for judging its answer. */
export interface Judged {
  /** Null where the method is none of the path's. */
  readonly operation: Operation | null;
  /** The body that was sent, as parsed; undefined when it was none that can be parsed. */
  readonly body?: unknown;
  /** Something about the request cannot be right, whatever the body's schema says. */
  readonly mustFail: boolean;
  /** Text that was given to the API to keep to itself. */
  readonly secrets: readonly string[];
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export class Checker {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new Map<unknown, ValidateFunction>();

  constructor(contract: Contract) {
    // Its types are those of a CommonJS module.
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema({ ...contract.document, $id: ROOT });
  }

  /** Empty when the answer is as promised. */
  problemsOf(judged: Judged, answer: Answer): string[] {
    const { status, headers } = answer;
    const problems: string[] = [];
    if (!UUID.test(headers["x-request-id"] ?? "")) problems.push("has no x-request-id");
    for (const secret of judged.secrets) {
      if (answer.body.includes(secret)) problems.push(`tells the secret ${secret}`);
    }
    if (judged.operation === null) return [...problems, ...this.#wrongMethod(answer)];
    const response = judged.operation.responses[String(status)];
    if (response === undefined) return [...problems, `answers ${status}, which is not documented`];
    if (status < 300 && this.mustRefuse(judged)) problems.push(`answers ${status} to a request that cannot be right`);
    return [...problems, ...headerProblems(response, headers), ...this.#bodyProblems(response, answer)];
  }

  /** Whether a request must not succeed. */
  mustRefuse({ operation, body, mustFail }: Judged): boolean {
    if (mustFail) return true;
    if (operation === null || operation.body === null) return false;
    return body === undefined ? !operation.isBodyOptional : !this.isValid(operation.body, body);
  }

  isValid(schema: JsonSchema, value: unknown): boolean {
    return this.#validator(schema)(value);
  }

  #bodyProblems(response: ResponseObject, { status, headers, body }: Answer): string[] {
    const types = Object.keys(response.content);
    if (types.length === 0) return body === "" ? [] : ["has a body where none is documented"];
    const type = (headers["content-type"] ?? "").split(";")[0] ?? "";
    const schema = response.content[type]?.schema;
    if (!types.includes(type)) return [`is ${type || "of no type"}, which is not documented`];
    if (schema === undefined) return [];
    const value = type === "application/json" ? parsed(body) : body;
    if (value === undefined) return ["is not JSON"];
    return [...this.#schemaProblems(schema, value), ...(status >= 400 ? this.#errorProblems(response, value) : [])];
  }

  /** The code, and the JSON text that says the same to clients of Cloudflare. */
  #errorProblems(response: ResponseObject, value: unknown): string[] {
    const codes = response["x-error-codes"];
    if (codes === undefined) return [];
    const [enveloped] = (value as { errors?: ErrorFields[] }).errors ?? [];
    const { error: code = "", message = "" } = enveloped ?? (value as ErrorFields);
    const problems = codes.includes(code) ? [] : [`has the code ${code}, which is not documented for its status`];
    if (enveloped === undefined || isPlain(response) || SENTENCES.has(code)) return problems;
    const told = parsed(message);
    if (told === undefined) return [...problems, "has a message that is not JSON"];
    if ((told as ErrorFields).error !== code) problems.push("tells another code in its message");
    return [...problems, ...this.#schemaProblems(DOMAIN_ERROR, told)];
  }

  #wrongMethod({ status, headers, body }: Answer): string[] {
    if (status !== 405) return [`answers ${status} to a method that the path does not take`];
    const problems = (headers["allow"] ?? "") === "" ? ["does not say what it allows"] : [];
    const ofApi = headers["docker-distribution-api-version"] === undefined ? ANY_ERROR : REGISTRY_ERROR;
    const schema = headers["content-type"] === "application/json" ? ofApi : false;
    return schema === false
      ? [...problems, "is not JSON"]
      : [...problems, ...this.#schemaProblems(schema, parsed(body))];
  }

  #schemaProblems(schema: JsonSchema, value: unknown): string[] {
    const validate = this.#validator(schema);
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 5)
      .map(
        ({ instancePath, message, params }) => `${instancePath || "the answer"} ${message} ${JSON.stringify(params)}`,
      );
  }

  #validator(schema: JsonSchema): ValidateFunction {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const made = this.#ajv.compile(absolute(schema));
    this.#compiled.set(schema, made);
    return made;
  }
}

interface ErrorFields {
  readonly error?: string;
  readonly message?: string;
}

/** Clients show what these say as it is. */
const SENTENCES: ReadonlySet<string> = new Set(["UNAUTHORIZED", "FORBIDDEN", "ACCOUNT_NOT_FOUND"]);

const ROOT = "https://contract.invalid/openapi.json";
const DOMAIN_ERROR: JsonSchema = { $ref: "#/components/schemas/DomainError" };
const ANY_ERROR: JsonSchema = {
  anyOf: [{ $ref: "#/components/schemas/ErrorEnvelope" }, { $ref: "#/components/schemas/Error" }],
};

/** The form of the OCI distribution specification. */
const REGISTRY_ERROR: JsonSchema = {
  type: "object",
  required: ["errors"],
  properties: {
    errors: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["code", "message"],
        properties: { code: { type: "string", pattern: "^[A-Z_]+$" }, message: { type: "string", minLength: 1 } },
      },
    },
  },
};

/** Whether all errors are sentences. */
function isPlain({ content }: ResponseObject): boolean {
  return content["application/json"]?.schema?.$ref?.endsWith("/PlainErrorEnvelope") === true;
}

function headerProblems(response: ResponseObject, headers: Answer["headers"]): string[] {
  return Object.entries(response.headers).flatMap(([name, { required, schema }]) => {
    const value = headers[name.toLowerCase()];
    if (value === undefined) return (required as unknown) === true ? [`lacks the header ${name}`] : [];
    const { pattern } = schema as { pattern?: string };
    return pattern === undefined || new RegExp(pattern).test(value) ? [] : [`has ${name}: ${value}`];
  });
}

/** References from a part of the document, as seen from outside of it. */
function absolute(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${ROOT}#/`)) as JsonSchema;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
