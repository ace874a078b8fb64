/** What a route is: one table entry carries method, path, schemas and handler, and serves, validates and documents. */
import type * as z from "zod";
import type { ErrorCode } from "../errors.ts";
import type { Answer } from "./envelope.ts";
import type { Actor, Need } from "./scopes.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Call<Query, Body> {
  readonly env: Env;
  readonly ctx: ExecutionContext;
  /** For streams and WebSockets; its body is already read. */
  readonly request: Request;
  readonly requestId: string;
  readonly accountId: string;
  readonly actor: Actor;
  /** Of the row in the audit; 0 for reads. */
  readonly auditId: number;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The application that `/applications/{id}` names, already looked up; null when there is none or it is out of reach. */
  readonly application: { readonly id: string; readonly name: string } | null;
  /** A UUID that is the same for every try with one `Idempotency-Key`: what a call creates takes its id from it. */
  readonly seed: string;
  /** An earlier try with this `Idempotency-Key` may have done part of the work, or all of it. */
  readonly isRetry: boolean;
  /** `If-Match`: what the caller believes the resource's ETag to be; null when not sent. */
  readonly ifMatch: string | null;
  /** `Gantry-Lease-Nonce`: proof that the caller holds the application's lease; null when not sent. */
  readonly lease: string | null;
}

/** Where a route lives: below an account's `containers`, or at the root of the host. */
export type Base = "containers" | "root";

/** A route whose handler's types are those of its schemas; erased so that a table can hold them all. */
export interface Route {
  readonly method: Method;
  /** Below `/client/v4/accounts/{account_id}/containers` unless `base` is `root`. */
  readonly path: string;
  readonly base: Base;
  /** Group in the documentation: the resource. */
  readonly tag: string;
  readonly summary: string;
  readonly scope: Need;
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  /** Without one, the body is null. */
  readonly isBodyOptional: boolean;
  /** What the legacy base takes, where its clients send more than the resource knows. */
  readonly legacyBody: z.ZodType | null;
  /** `result` of a successful answer; null when the answer is not JSON (streams, metrics). */
  readonly result: z.ZodType | null;
  /** Statuses of success; the first is the usual one. */
  readonly statuses: readonly number[];
  /** Domain errors beyond those that any route can give. */
  readonly errors: readonly ErrorCode[];
  /** A list: the answer carries `result_info`. */
  readonly paged: boolean;
  /** The answer carries an ETag, or a write takes `If-Match`. */
  readonly etag: boolean;
  /** The answer holds a secret that is shown once: what is kept of it for a retry is sealed. */
  readonly sensitive: boolean;
  /** `Gantry-Owner`: what it makes may be somebody's from the first moment on; `itself` when it is kept with what is made. */
  readonly owned: boolean | "itself";
  /** Errors are sentences, for clients that do not look into them. */
  readonly plainErrors: boolean;
  /** A read that lets somebody in: it stands in the audit as a write does. */
  readonly isAudited: boolean;
  readonly run: (call: Call<unknown, unknown>) => Promise<Answer | Response>;
}

export function defineRoute<Query extends z.ZodType, Body extends z.ZodType | null = null>(definition: {
  method: Method;
  path: string;
  base?: Base;
  tag: string;
  summary: string;
  /** Default: `read` for GET, `deploy` for writes. */
  scope?: Need;
  query: Query;
  body?: Body;
  isBodyOptional?: boolean;
  legacyBody?: Body extends z.ZodType ? z.ZodType<z.output<Body>> : never;
  result: z.ZodType | null;
  statuses?: readonly number[];
  errors?: readonly ErrorCode[];
  paged?: boolean;
  etag?: boolean;
  sensitive?: boolean;
  owned?: boolean | "itself";
  plainErrors?: boolean;
  isAudited?: boolean;
  run: (call: Call<z.output<Query>, Body extends z.ZodType ? z.output<Body> : null>) => Promise<Answer | Response>;
}): Route {
  return {
    base: "containers",
    scope: definition.method === "GET" ? "read" : "deploy",
    statuses: [200],
    errors: [],
    isBodyOptional: false,
    paged: false,
    etag: false,
    sensitive: false,
    owned: false,
    plainErrors: false,
    isAudited: false,
    ...definition,
    body: definition.body ?? null,
    legacyBody: definition.legacyBody ?? null,
    // `dispatch.ts` parses query and body with these very schemas before it calls `run`.
    run: definition.run as Route["run"],
  };
}

export function isWrite(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}
