/** What a route is: one table entry carries method, path, schemas and handler, and serves, validates and documents. */
import type * as z from "zod";
import type { Answer } from "./envelope.ts";

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Call<Query, Body> {
  readonly env: Env;
  readonly accountId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
}

/** A route whose handler's types are those of its schemas; erased so that a table can hold them all. */
export interface Route {
  readonly method: Method;
  /** Below `/client/v4/accounts/{account_id}/containers`. */
  readonly path: string;
  readonly summary: string;
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  readonly run: (call: Call<unknown, unknown>) => Promise<Answer>;
}

export function defineRoute<Query extends z.ZodType, Body extends z.ZodType | null = null>(definition: {
  method: Method;
  path: string;
  summary: string;
  query: Query;
  body?: Body;
  run: (call: Call<z.output<Query>, Body extends z.ZodType ? z.output<Body> : null>) => Promise<Answer>;
}): Route {
  // `api.ts` parses query and body with these very schemas before it calls `run`.
  return { ...definition, body: definition.body ?? null, run: definition.run as Route["run"] };
}
