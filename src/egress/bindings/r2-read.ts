/**
 * GET and HEAD of an object: one read of R2, whose answer says what the conditions and the range come to. Only where R2
 * refuses a range is its size asked for besides.
 */
import { errorResponse } from "../../api/envelope.ts";
import { GantryError } from "../../errors.ts";
import type { Address } from "./address.ts";
import { conditionsOf, judge, rangeHolds, type Conditions } from "./conditions.ts";
import { shown } from "./grants.ts";
import { headersOf, validatorsOf } from "./r2-headers.ts";
import { rangeOf, spanOf, type AskedRange } from "./range.ts";
import { keyNotFound } from "./requests.ts";

type Read = R2Object | R2ObjectBody;

export async function readObject(request: Request, { binding, key }: Address, bucket: R2Bucket): Promise<Response> {
  const conditions = conditionsOf(request.headers);
  // RFC 9110, 14.2: ranges are of GET alone.
  const range = request.method === "GET" ? rangeOf(request.headers.get("range")) : null;
  const ifRange = request.headers.get("if-range");
  const object = request.method === "GET" ? await get(bucket, key, conditions, range) : await bucket.head(key);
  if (object === null) throw keyNotFound(binding, key);
  const verdict = judge(conditions, object);
  if (verdict !== "holds") {
    await leave(object);
    if (verdict === "not_modified") return new Response(null, { status: 304, headers: validatorsOf(object) });
    const message = `key ${JSON.stringify(shown(key))} of binding ${shown(binding)} has the ETag ${object.httpEtag}`;
    throw new GantryError("PRECONDITION_FAILED", message, { binding, key: shown(key), etag: object.httpEtag });
  }
  const headers = headersOf(object);
  headers.set("content-length", String(object.size));
  if (request.method === "HEAD") return new Response(null, { headers });
  if (range === null) return bodyOf(object, object.size, headers, 200);
  const span = rangeHolds(ifRange, object) ? spanOf(range, object.size) : "whole";
  if (span === "unsatisfiable") {
    await leave(object);
    return unsatisfiable(binding, key, object.size);
  }
  if (span === "whole") {
    await leave(object);
    const whole = await bucket.get(key);
    if (whole === null) throw keyNotFound(binding, key);
    const itsHeaders = headersOf(whole);
    return bodyOf(whole, whole.size, itsHeaders, 200);
  }
  headers.set("content-range", `bytes ${span.first}-${span.last}/${object.size}`);
  return bodyOf(object, span.last - span.first + 1, headers, 206);
}

/** Without a body where R2 has seen that the conditions fail, or that there is no such range. */
async function get(
  bucket: R2Bucket,
  key: string,
  conditions: Conditions,
  range: AskedRange | null,
): Promise<Read | null> {
  const onlyIf = conditionOf(conditions);
  try {
    return await bucket.get(key, {
      ...(range === null ? {} : { range: r2Range(range) }),
      ...(onlyIf === null ? {} : { onlyIf }),
    });
  } catch (error) {
    if (range === null) throw error;
    // Not every store says of what it fails that it is the range.
    const object = await bucket.head(key);
    if (object !== null && typeof spanOf(range, object.size) !== "string") throw error;
    return object;
  }
}

function r2Range(range: AskedRange): R2Range {
  if ("suffix" in range) return { suffix: range.suffix };
  return range.last === null ? { offset: range.first } : { offset: range.first, length: range.last - range.first + 1 };
}

/** Where R2 can tell it as it is meant: it sends no bytes then. */
function conditionOf({ match, noneMatch }: Conditions): R2Conditional | null {
  const [only, ...others] = noneMatch === null || noneMatch === "*" ? [] : noneMatch;
  return match === null && only !== undefined && others.length === 0 ? { etagDoesNotMatch: only.value } : null;
}

function bodyOf(object: Read, length: number, headers: Headers, status: number): Response {
  if (!("body" in object)) throw new Error("R2 gave no body of an object that it has");
  headers.set("content-length", String(length));
  const body = object.body.pipeThrough(new FixedLengthStream(length));
  // What is stored encoded goes out as it is.
  return new Response(body, { status, headers, encodeBody: "manual" });
}

async function leave(object: Read): Promise<void> {
  if ("body" in object) await object.body.cancel();
}

function unsatisfiable(binding: string, key: string, size: number): Response {
  const message = `key ${JSON.stringify(shown(key))} of binding ${shown(binding)} has ${size} bytes: the range begins behind them`;
  const response = errorResponse(
    new GantryError("RANGE_NOT_SATISFIABLE", message, { binding: shown(binding), key: shown(key), size }),
  );
  response.headers.set("content-range", `bytes */${size}`);
  return response;
}
