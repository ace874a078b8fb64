/** From untrusted bytes to a typed value, in one step: capped, parsed, validated. Later code never sees raw input. */
import type * as z from "zod";
import { GantryError, type ErrorDetails } from "../errors.ts";

export const MAX_BODY_BYTES = 1_048_576;
/** What clients send JSON as; curl's default for `-d` is among them. */
const JSON_TYPES = /^(?:application\/(?:[\w.+-]*json|x-www-form-urlencoded)|text\/plain)\b/i;
/** Enough to mend a body; more would only repeat itself. */
const MAX_ISSUES = 32;

/** A body of a write; empty and absent are the same. */
export function parseJson(text: string, request: Request): unknown {
  const type = request.headers.get("content-type");
  if (type !== null && !JSON_TYPES.test(type)) {
    const message = `the body must be JSON: send content-type application/json instead of ${type.slice(0, 80)}`;
    throw new GantryError("UNSUPPORTED_MEDIA_TYPE", message);
  }
  if (text.trim() === "") throw invalid({ body: "is empty: send a JSON object" });
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw invalid({ body: `is not JSON: ${error instanceof Error ? withoutExcerpt(error.message) : "syntax error"}` });
  }
}

export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: false });
  if (result.success) return result.data;
  // A map, since a key may be `__proto__`, which an assignment to an object would drop.
  const details = new Map<string, string>();
  for (const issue of result.error.issues.slice(0, MAX_ISSUES)) {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys.slice(0, MAX_ISSUES))
        details.set(fieldName([...issue.path, key]), "is not a known field");
    } else {
      const field = fieldName(issue.path);
      const isMissing = issue.message.endsWith("received undefined");
      if (!details.has(field)) details.set(field, isMissing ? "is required" : issue.message);
    }
  }
  throw invalid(Object.fromEntries(details));
}

/** `configuration.ports[0].port`; `body` for the whole. */
export function fieldName(path: readonly PropertyKey[]): string {
  const name = path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");
  return name === "" ? "body" : name.slice(0, 200);
}

export function invalid(details: ErrorDetails): GantryError {
  const fields = Object.entries(details).map(([field, reason]) => `${field}: ${String(reason)}`);
  return new GantryError("VALIDATE_INPUT", fields.join("; ").slice(0, 1_000), details);
}

/** The engine quotes the text around the error, which may be part of a secret. */
function withoutExcerpt(message: string): string {
  return message.replace(/, (?:\.{3})?".*$/s, "").slice(0, 200);
}

/** The body's text, capped. */
export async function readText(request: Request): Promise<string> {
  const tooLarge = () =>
    new GantryError("BODY_TOO_LARGE", `the body must be at most ${MAX_BODY_BYTES} bytes`, { limit: MAX_BODY_BYTES });
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return await new Blob(chunks).text();
}
