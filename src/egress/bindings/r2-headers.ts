/** What R2 keeps beside an object's bytes, as headers: HTTP's own, and `gantry-meta-<name>`. */
import { invalid } from "../../api/body.ts";
import { toHex } from "../../encoding.ts";
import { isHeaderText } from "./requests.ts";

const META_PREFIX = "gantry-meta-";
/** How many fields of custom metadata no header can carry; a list shows them. */
const MISSING_META = "gantry-missing-meta";
export const SHA256_HEADER = "gantry-sha256";
/** R2's own limit. */
const MAX_META_BYTES = 8_192;

const FIELDS = [
  ["content-type", "contentType"],
  ["content-language", "contentLanguage"],
  ["content-disposition", "contentDisposition"],
  ["content-encoding", "contentEncoding"],
  ["cache-control", "cacheControl"],
] as const;

export interface Described {
  readonly httpMetadata: R2HTTPMetadata;
  readonly customMetadata: Record<string, string>;
}

/** Of a write. */
export function describedBy(headers: Headers): Described {
  const httpMetadata: R2HTTPMetadata = {};
  for (const [name, field] of FIELDS) {
    const value = headers.get(name);
    if (value === null) continue;
    requireText(name, value);
    httpMetadata[field] = value;
  }
  const expires = headers.get("expires");
  if (expires !== null) {
    const time = Date.parse(expires);
    if (Number.isNaN(time)) throw invalid({ expires: "must be a date, such as Thu, 01 Jan 2026 00:00:00 GMT" });
    httpMetadata.cacheExpiry = new Date(time);
  }
  return { httpMetadata, customMetadata: customOf(headers) };
}

function customOf(headers: Headers): Record<string, string> {
  const custom = [...headers]
    .filter(([name]) => name.startsWith(META_PREFIX))
    .map(([name, value]) => [name.slice(META_PREFIX.length), value] as const);
  let bytes = 0;
  for (const [name, value] of custom) {
    if (name === "") throw invalid({ [META_PREFIX]: "needs a name: gantry-meta-<name>" });
    requireText(`${META_PREFIX}${name}`, value);
    bytes += name.length + value.length;
  }
  if (bytes > MAX_META_BYTES) {
    throw invalid({ [`${META_PREFIX}*`]: `have ${bytes} bytes together: at most ${MAX_META_BYTES} are possible` });
  }
  return Object.fromEntries(custom);
}

function requireText(name: string, value: string): void {
  if (!isHeaderText(value)) throw invalid({ [name]: "must be printable ASCII: encode other characters" });
}

/** Of an answer with the object, without its length. */
export function headersOf(object: R2Object): Headers {
  const headers = validatorsOf(object);
  headers.set("accept-ranges", "bytes");
  const http = object.httpMetadata ?? {};
  headers.set("content-type", "application/octet-stream");
  for (const [name, field] of FIELDS) {
    const value = http[field];
    // Whoever else wrote it may have written what is no header: it is left out, as the rest is still of use.
    if (value !== undefined && value !== "" && isHeaderText(value)) headers.set(name, value);
  }
  const custom = Object.entries(object.customMetadata ?? {});
  const sendable = custom.filter(([name, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && isHeaderText(value));
  for (const [name, value] of sendable) headers.set(`${META_PREFIX}${name}`, value);
  if (sendable.length < custom.length) headers.set(MISSING_META, String(custom.length - sendable.length));
  const { sha256 } = object.checksums;
  if (sha256 !== undefined) headers.set(SHA256_HEADER, toHex(sha256));
  return headers;
}

/** All that an answer without the object says of it (RFC 9110, 15.4.5). */
export function validatorsOf(object: R2Object): Headers {
  const headers = new Headers({ etag: object.httpEtag, "last-modified": object.uploaded.toUTCString() });
  const { cacheControl, cacheExpiry } = object.httpMetadata ?? {};
  if (cacheControl !== undefined && isHeaderText(cacheControl)) headers.set("cache-control", cacheControl);
  if (cacheExpiry !== undefined) headers.set("expires", cacheExpiry.toUTCString());
  return headers;
}
