/** What a request asks for, of its query or of its body: JSON or a form. Capped, parsed, and nothing else kept. */
import type { IncomingMessage } from "node:http";
import { ApiError, badRequest } from "./api-error.ts";

const MAX_BODY_BYTES = 65_536;

/** Of a name that comes more than once, all values. */
export type Parameters = Readonly<Record<string, unknown>>;

/** A password in an address would be in every log and history on its way. */
const NEVER_IN_QUERY: ReadonlySet<string> = new Set(["username", "password", "user", "token", "authorization"]);

export function queryParameters(query: URLSearchParams): Parameters {
  for (const name of query.keys()) {
    if (NEVER_IN_QUERY.has(name.toLowerCase())) {
      throw badRequest(name, "never belongs in an address: send it by POST, as JSON or as a form");
    }
  }
  return fromPairs(query);
}

export async function bodyParameters(request: IncomingMessage): Promise<Parameters> {
  const text = await boundedText(request);
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
  // curl says that what `-d` sends is a form, whatever it is.
  const isForm = type === "application/x-www-form-urlencoded" && !/^\s*[{[]/.test(text);
  if (isForm) return fromPairs(new URLSearchParams(text));
  if (!["", "application/json", "text/plain", "application/x-www-form-urlencoded"].includes(type)) {
    throw new ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be JSON or a form (x-www-form-urlencoded)");
  }
  if (text.trim() === "") throw badRequest("body", "is empty: send a JSON object");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says of it may quote a password.
    throw badRequest("body", "is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest("body", "must be a JSON object");
  }
  return value as Parameters;
}

function fromPairs(pairs: URLSearchParams): Parameters {
  const names = [...new Set(pairs.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = pairs.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

async function boundedText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = () =>
    new ApiError(413, "BODY_TOO_LARGE", `the body must be at most ${MAX_BODY_BYTES} bytes`, {
      fields: { limit: MAX_BODY_BYTES },
    });
  if (Number(request.headers["content-length"]) > MAX_BODY_BYTES) throw tooLarge();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
