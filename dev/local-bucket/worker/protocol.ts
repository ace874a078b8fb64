/**
 * How the runtime asks a bucket: what is asked as JSON, in a header or before the bytes of the body; the answer's JSON in
 * the same way before the object's bytes. Lengths may come as text.
 */
import * as z from "zod";

const REQUEST = "cf-r2-request";
const METADATA_SIZE = "cf-r2-metadata-size";
const ERROR = "cf-r2-error";

const range = z.object({
  offset: z.coerce.number().optional(),
  length: z.coerce.number().optional(),
  suffix: z.coerce.number().optional(),
});
/** Asked for by what no registry needs: told apart, so that it can be refused. */
const refused = { onlyIf: z.never().optional(), rangeHeader: z.never().optional() };

const httpFields = z.object({
  contentType: z.string().optional(),
  contentLanguage: z.string().optional(),
  contentDisposition: z.string().optional(),
  contentEncoding: z.string().optional(),
  cacheControl: z.string().optional(),
  cacheExpiry: z.union([z.string(), z.number()]).optional(),
});
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What is kept beside the bytes, as the runtime writes and reads it. */
const more = z.object({
  httpFields: httpFields.optional(),
  customFields: z.array(z.object({ k: z.string(), v: z.string() })).optional(),
  /** Verified. */
  sha256: sha256.optional(),
});
export type More = z.infer<typeof more>;

const bucketRequest = z.discriminatedUnion("method", [
  z.object({ method: z.literal("head"), object: z.string() }),
  z.object({ method: z.literal("get"), object: z.string(), range: range.optional(), ...refused }),
  z.object({ method: z.literal("put"), object: z.string(), md5: z.never().optional(), ...more.shape, ...refused }),
  z.object({
    method: z.literal("delete"),
    object: z.string().optional(),
    objects: z.array(z.string()).optional(),
  }),
  z.object({
    method: z.literal("list"),
    limit: z.number().optional(),
    prefix: z.string().optional(),
    cursor: z.string().optional(),
    startAfter: z.string().optional(),
    delimiter: z.never().optional(),
  }),
]);
export type BucketRequest = z.infer<typeof bucketRequest>;
export type AskedRange = z.infer<typeof range>;

/** Codes of R2's API, which the runtime tells apart. */
export const NO_SUCH_KEY = { status: 404, code: 10_007, message: "The specified key does not exist." };
export const NOT_SATISFIABLE = { status: 416, code: 10_039, message: "The requested range is not satisfiable" };
export const BAD_DIGEST = {
  status: 400,
  code: 10_037,
  message: "The SHA-256 checksum you specified did not match what we received.",
};
export const NOT_IMPLEMENTED = {
  status: 501,
  code: 10_029,
  message:
    "The bucket of the development server has head, get, put, delete and list, without conditions, delimiters and MD5",
};

export class BucketError extends Error {
  readonly response: Response;

  constructor({ status, code, message }: typeof NO_SUCH_KEY) {
    super(message);
    this.response = new Response(null, {
      status,
      headers: { [ERROR]: JSON.stringify({ version: 1, v4code: code, message }) },
    });
  }
}

/** `body`: what follows the request's JSON, and how long it is. */
export async function readRequest(request: Request): Promise<{
  readonly asked: BucketRequest;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly size: number;
}> {
  const header = request.headers.get(REQUEST);
  if (header !== null) return { asked: parse(header), body: null, size: 0 };
  const length = Number(request.headers.get(METADATA_SIZE) ?? Number.NaN);
  if (request.body === null || Number.isNaN(length)) throw new BucketError(NOT_IMPLEMENTED);
  const { body } = request;
  const reader = body.getReader({ mode: "byob" });
  const { value } = await reader.readAtLeast(length, new Uint8Array(length));
  reader.releaseLock();
  const size = Number(request.headers.get("content-length") ?? Number.NaN) - length;
  return { asked: parse(new TextDecoder().decode(value)), body, size };
}

function parse(json: string): BucketRequest {
  const asked = bucketRequest.safeParse(JSON.parse(json));
  if (!asked.success) throw new BucketError(NOT_IMPLEMENTED);
  return asked.data;
}

export interface ObjectRow {
  readonly key: string;
  /** Another one for each put: a version of the object. */
  readonly file: string;
  readonly size: number;
  readonly uploaded: number;
  /** As JSON. */
  readonly more: string;
}

export interface Slice {
  readonly offset: number;
  readonly length: number;
}

export function describe({ key, file, size, uploaded, more: text }: ObjectRow, slice?: Slice): object {
  const { httpFields: http = {}, customFields: custom = [], sha256: digest } = more.parse(JSON.parse(text));
  return {
    name: key,
    version: file,
    size,
    etag: file,
    uploaded,
    httpFields: http,
    customFields: custom,
    ...(slice === undefined ? {} : { range: slice }),
    // R2 has MD5 here, which takes as long as everything else together and tells a registry nothing.
    checksums: digest === undefined ? {} : { 2: digest },
  };
}

/** `bytes`: of the object, behind what is said of it. */
export function answer(json: object, bytes?: ReadableStream<Uint8Array> | null, length = 0): Response {
  const metadata = new TextEncoder().encode(JSON.stringify(json));
  const headers = { [METADATA_SIZE]: String(metadata.length), "content-type": "application/json" };
  if (bytes === undefined || bytes === null) return new Response(metadata, { headers });
  const { readable, writable } = new FixedLengthStream(metadata.length + length);
  void send(metadata, bytes, writable);
  return new Response(readable, { headers });
}

async function send(metadata: Uint8Array, bytes: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>) {
  try {
    const writer = writable.getWriter();
    await writer.write(metadata);
    writer.releaseLock();
    await bytes.pipeTo(writable);
  } catch {
    // Whoever asked has gone.
  }
}
