/** The body of a request: JSON of at most so many bytes. */
import type { IncomingMessage } from "node:http";
import { ApiError, invalid } from "./errors.ts";

/**
 * Only what says that it is JSON: a page of another origin may send anything else without being asked, and a chat costs
 * money.
 */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    const message = "the body must be application/json: send the header content-type";
    throw new ApiError({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE", message });
  }
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid({ body: `is no JSON: ${error instanceof Error ? error.message : String(error)}` });
  }
}

function tooLarge(limit: number): ApiError {
  return new ApiError({
    status: 413,
    code: "BODY_TOO_LARGE",
    message: `the body is larger than ${limit} bytes`,
    // What is left of it is not read.
    headers: { connection: "close" },
  });
}
