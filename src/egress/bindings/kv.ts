/** Keys of a KV namespace by HTTP. What KV cannot do, such as conditional writes, is refused. */
import { waitUntil } from "cloudflare:workers";
import * as z from "zod";
import { invalid } from "../../api/body.ts";
import { GantryError } from "../../errors.ts";
import { requireKey, requireLength } from "./address.ts";
import { HeldMemory } from "./memory.ts";
import { partsOf } from "./parts.ts";
import { isHeaderText, keyNotFound, lengthOf, noQuery, notAllowed, queryBy } from "./requests.ts";
import type { BindingCall } from "./serve.ts";

export const MAX_VALUE_BYTES = 26_214_400;
export const MAX_METADATA_BYTES = 1_024;
const MIN_TTL_S = 60;
const METADATA_HEADER = "gantry-metadata";

const listQuery = z.strictObject({
  prefix: z.string().default(""),
  cursor: z.string().min(1).max(4_096).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
});

/** The runtime takes no more. */
const MAX_SECONDS = 2_147_483_647;
const seconds = z
  .string()
  .regex(/^\d{1,12}$/, "must be a whole number of seconds")
  .transform(Number)
  .refine((value) => value <= MAX_SECONDS, `must be at most ${MAX_SECONDS}`);
const putQuery = z
  .strictObject({
    ttl: seconds.pipe(z.number().min(MIN_TTL_S, `must be at least ${MIN_TTL_S} seconds`)).optional(),
    expiration: seconds.optional(),
  })
  .refine(({ ttl, expiration }) => ttl === undefined || expiration === undefined, {
    path: ["ttl"],
    message: "cannot be together with expiration: leave one out",
  });

export async function serveKv(call: BindingCall, namespace: () => KVNamespace): Promise<Response> {
  const { request, address, authorize } = call;
  const { key } = address;
  if (key === "" && request.method === "GET") return await list(call, namespace);
  switch (request.method) {
    case "GET":
    case "HEAD": {
      requireKey(key);
      authorize("read");
      queryBy(noQuery, call.url);
      return await read(call, namespace());
    }
    case "PUT": {
      requireKey(key);
      authorize("write");
      return await write(call, namespace());
    }
    case "DELETE": {
      requireKey(key);
      authorize("write");
      queryBy(noQuery, call.url);
      refuseConditions(request);
      await namespace().delete(key);
      return new Response(null, { status: 204 });
    }
    default: {
      throw notAllowed(request.method, key === "" ? "GET" : "GET, HEAD, PUT, DELETE");
    }
  }
}

async function read({ request, address }: BindingCall, namespace: KVNamespace): Promise<Response> {
  const { value, metadata } = await namespace.getWithMetadata(address.key, "stream");
  if (value === null) throw keyNotFound(address.binding, address.key);
  const headers = new Headers({ "content-type": "application/octet-stream" });
  if (metadata !== null) headers.set(METADATA_HEADER, asciiJson(metadata));
  if (request.method === "GET") return new Response(value, { headers });
  await value.cancel();
  return new Response(null, { headers });
}

async function write({ request, url, address }: BindingCall, namespace: KVNamespace): Promise<Response> {
  const { ttl, expiration } = queryBy(putQuery, url);
  const earliest = Math.floor(Date.now() / 1_000) + MIN_TTL_S;
  if (expiration !== undefined && expiration < earliest) {
    throw invalid({
      expiration: `must be at least ${MIN_TTL_S} seconds ahead, in seconds since 1970: ${earliest} or later`,
    });
  }
  refuseConditions(request);
  const metadata = metadataOf(request.headers.get(METADATA_HEADER));
  const options = {
    ...(ttl === undefined ? {} : { expirationTtl: ttl }),
    ...(expiration === undefined ? {} : { expiration }),
    ...(metadata === null ? {} : { metadata }),
  };
  const memory = new HeldMemory();
  try {
    const value = await valueOf(request, memory);
    const put = namespace.put(address.key, value, options);
    // Also of whoever is gone: half of it would be stored.
    waitUntil(put.catch(() => undefined));
    await put;
  } finally {
    memory.release();
  }
  return new Response(null, { status: 204 });
}

async function list({ url, listed }: BindingCall, namespace: () => KVNamespace): Promise<Response> {
  const { prefix: asked, cursor, limit } = queryBy(listQuery, url);
  requireLength("kv", "prefix", asked);
  const prefix = listed(asked);
  const page = await namespace().list({ prefix, limit, ...(cursor === undefined ? {} : { cursor }) });
  // A cursor is whatever the container sends: what it leads to has to be within the prefix all the same.
  const keys = page.keys
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name, expiration = null, metadata = null }) => ({ name, expiration, metadata }));
  return Response.json({ prefix, keys, cursor: page.list_complete ? null : page.cursor });
}

/** As a whole before any of it is written: of a stream that breaks off, KV keeps what it has got. */
async function valueOf(request: Request, memory: HeldMemory): Promise<Uint8Array<ArrayBuffer> | string> {
  const length = lengthOf(request);
  if (length !== null && length > MAX_VALUE_BYTES) throw tooLarge();
  if (request.body === null) return "";
  const parts = partsOf(request.body, MAX_VALUE_BYTES, memory.take);
  const { value: first } = await parts.next();
  if (first === undefined || !first.isLast) {
    await parts.return();
    throw tooLarge();
  }
  const { byteLength } = first.bytes;
  if (length !== null && byteLength !== length) throw invalid({ body: `has ${byteLength} bytes, and not ${length}` });
  return first.bytes;
}

function tooLarge(): GantryError {
  const message = `a value of KV has at most ${MAX_VALUE_BYTES} bytes: cut it, or keep it in R2`;
  return new GantryError("BODY_TOO_LARGE", message, { limit: MAX_VALUE_BYTES });
}

function metadataOf(header: string | null): unknown {
  if (header === null) return null;
  if (!isHeaderText(header)) throw badMetadata("must be JSON in ASCII: write other characters as \\uXXXX");
  let metadata: unknown;
  try {
    metadata = JSON.parse(header);
  } catch {
    throw badMetadata('is not JSON: a text needs quotes, such as "abc"');
  }
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).byteLength;
  if (bytes > MAX_METADATA_BYTES)
    throw badMetadata(`has ${bytes} bytes of JSON: at most ${MAX_METADATA_BYTES} are possible`);
  return metadata;
}

function badMetadata(reason: string): GantryError {
  return invalid({ [METADATA_HEADER]: reason });
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Written regardless, what was there would be lost that the condition was to protect. */
function refuseConditions({ headers }: Request): void {
  for (const name of ["if-match", "if-none-match", "if-unmodified-since", "content-range"]) {
    if (headers.has(name)) throw invalid({ [name]: "is not possible with KV: use R2, or an object" });
  }
}
