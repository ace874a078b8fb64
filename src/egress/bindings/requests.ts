/** What the gateways read of a request before they do anything, the same for all of them. */
import * as z from "zod";
import { validate } from "../../api/body.ts";
import { queryOf } from "../../api/query.ts";
import { GantryError } from "../../errors.ts";

export function notAllowed(method: string, allowed: string): GantryError {
  const message = `${method} is not possible here: use ${allowed}`;
  return new GantryError("METHOD_NOT_ALLOWED", message, { allowed });
}

export const noQuery = z.strictObject({});

/** Unknown parameters are refused: each was meant to do something. */
export function queryBy<Schema extends z.ZodType>(schema: Schema, url: URL): z.output<Schema> {
  return validate(schema, queryOf(url, schema));
}

/** Null: it is not said. */
export function lengthOf(request: Request): number | null {
  const header = request.headers.get("content-length");
  if (header !== null && /^\d{1,15}$/.test(header)) return Number(header);
  return request.body === null ? 0 : null;
}

/** Text that a header can carry as it is. */
export function isHeaderText(text: string): boolean {
  return /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(text);
}

export function keyNotFound(binding: string, key: string): GantryError {
  return new GantryError("KEY_NOT_FOUND", `binding ${binding} has no key ${JSON.stringify(key)}`, { binding, key });
}
