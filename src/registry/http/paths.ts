/**
 * What a path below `/v2` names. Names of repositories have slashes, so a path is read from its end: the last of the
 * specification's words that fits decides. Pure.
 */

export type Target =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  /** Wrangler asks for it after it deleted an image. */
  | { readonly kind: "garbage" }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly name: string }
  | { readonly kind: "upload"; readonly name: string; readonly id: string }
  | { readonly kind: "referrers"; readonly name: string; readonly digest: string };

export function isRegistryPath(pathname: string): boolean {
  return pathname === "/v2" || pathname.startsWith("/v2/");
}

/** Null: nothing has such a path. */
export function targetOf(pathname: string): Target | null {
  const path = pathname.slice("/v2".length);
  if (path === "" || path === "/") return { kind: "base" };
  if (path === "/_catalog") return { kind: "catalog" };
  if (path === "/gc/layers") return { kind: "garbage" };
  const parts = path.slice(1).split("/").map(decoded);
  if (parts.includes(null)) return null;
  const texts = parts as string[];
  const tail = (from: number) => texts.at(-from) ?? "";
  const name = (from: number) => texts.slice(0, -from).join("/");
  if (texts.length >= 4 && tail(3) === "blobs" && tail(2) === "uploads") {
    return tail(1) === "" ? { kind: "uploads", name: name(3) } : { kind: "upload", name: name(3), id: tail(1) };
  }
  if (texts.length < 3) return null;
  switch (tail(2)) {
    case "blobs":
      return tail(1) === "uploads"
        ? { kind: "uploads", name: name(2) }
        : { kind: "blob", name: name(2), digest: tail(1) };
    case "manifests":
      return { kind: "manifest", name: name(2), reference: tail(1) };
    case "referrers":
      return { kind: "referrers", name: name(2), digest: tail(1) };
    case "tags":
      return tail(1) === "list" ? { kind: "tags", name: name(2) } : null;
    default:
      return null;
  }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
