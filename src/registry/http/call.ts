/** A request of a registry client that may do what it asks for, and how it is answered. */
import type { Access } from "../auth/access.ts";
import { isDigest, type Digest } from "../oci/digest.ts";
import { OciError } from "../oci/oci-error.ts";
import type { RegistryIndex } from "../store/contract.ts";

export interface RegistryCall {
  readonly request: Request;
  readonly url: URL;
  readonly env: Env;
  readonly ctx: ExecutionContext;
  /** As the path has it, with or without an account: links that it gets have it too. */
  readonly name: string;
  readonly accountId: string;
  /** Without the account; empty for the catalog. */
  readonly repository: string;
  readonly access: Access;
  readonly index: RegistryIndex;
}

export function requireDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = text.slice(0, 200);
  throw new OciError(
    "DIGEST_INVALID",
    `${shown} is no digest: sha256: and 64, or sha512: and 128 lower-case hex digits`,
  );
}

export function jsonAnswer(body: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const all = { "content-type": "application/json", "content-length": String(bytes.byteLength), ...headers };
  return new Response(bytes, { status, headers: all });
}

export function emptyAnswer(status: number, headers: Readonly<Record<string, string>>): Response {
  // What may not have a body has no length either.
  return new Response(null, {
    status,
    headers: status === 204 || status === 304 ? headers : { ...headers, "content-length": "0" },
  });
}

export function locationOf({ name }: RegistryCall, rest: string): string {
  return `/v2/${name}/${rest}`;
}

/** Whether the client has this already. */
export function isUnchanged(request: Request, etag: string): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return false;
  return header
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === etag);
}
