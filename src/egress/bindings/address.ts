/**
 * What a request to a binding's host names. The path is a URL's, so that `.` and `..` between slashes are resolved before
 * anything is looked at; what is left of it is decoded once, and every check is made on that.
 */
import { invalid } from "../../api/body.ts";
import { GantryError } from "../../errors.ts";
import { DO_HOST, KV_HOST, R2_HOST } from "../hosts.ts";
import type { BindingType } from "./known.ts";

export interface Address {
  readonly type: BindingType;
  readonly binding: string;
  /** Decoded: a key, or an object's name. Empty: of the binding as a whole. */
  readonly key: string;
  /** What an object is asked for: path, as it was sent, and query. */
  readonly rest: string;
}

const TYPES: ReadonlyMap<string, BindingType> = new Map([
  [R2_HOST, "r2"],
  [KV_HOST, "kv"],
  [DO_HOST, "do"],
]);

const MAX_KEY_BYTES: Readonly<Record<BindingType, number>> = { r2: 1_024, kv: 512, do: 1_024 };

export function addressOf(url: URL): Address {
  const type = TYPES.get(url.hostname.replace(/\.$/, ""));
  const [binding = "", ...segments] = url.pathname.slice(1).split("/");
  if (type === undefined || binding === "") {
    throw new GantryError("ROUTE_NOT_FOUND", "no binding is named: ask for /<binding>/<key>", { path: url.pathname });
  }
  const [name = "", ...path] = segments;
  const key = decoded("key", type === "do" ? name : segments.join("/"));
  requireLength(type, "key", key);
  return { type, binding: decoded("binding", binding), key, rest: `/${path.join("/")}${url.search}` };
}

export function requireLength(type: BindingType, field: string, key: string): void {
  const bytes = new TextEncoder().encode(key).byteLength;
  const limit = MAX_KEY_BYTES[type];
  if (bytes > limit) throw invalid({ [field]: `has ${bytes} bytes of UTF-8: at most ${limit} are possible` });
}

/** Of a request that is about one key. */
export function requireKey(key: string): void {
  if (key === "") throw invalid({ key: "is empty: ask for /<binding>/<key>" });
}

function decoded(field: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid({ [field]: "is not UTF-8 that is percent-encoded: write % as %25" });
  }
}
