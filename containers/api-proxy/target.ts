/**
 * Which upstream a request is for, and by which path: pure, and the place that keeps every request below the upstream's base
 * path. Whatever of a path could be read as a way up, by any server and after any number of decodings, is refused; nothing
 * is normalised, so that what is checked is what is sent.
 */
import type { Upstream } from "./configuration.ts";

export type Target =
  | { readonly kind: "own"; readonly path: string }
  | { readonly kind: "upstream"; readonly upstream: Upstream; readonly path: string }
  | { readonly kind: "refused"; readonly status: 400 | 403; readonly code: string; readonly message: string };

/** Encodings of encodings that somebody on the way may undo. */
const MAX_DECODINGS = 8;
/** What servers take for a part of a path and no client sends raw. */
const NOT_IN_PATHS = /[^\u0021-\u007e]|[\\#"<>^`{|}]/;

/** `requestTarget`: as it came, in the first line of the request. */
export function targetOf(requestTarget: string, upstreams: readonly Upstream[]): Target {
  const mark = requestTarget.indexOf("?");
  const path = mark < 0 ? requestTarget : requestTarget.slice(0, mark);
  const query = mark < 0 ? "" : requestTarget.slice(mark);
  if (!path.startsWith("/")) return refused(400, "BAD_PATH", "a request names a path, and no host");
  if (NOT_IN_PATHS.test(path) || /[^\u0021-\u007e]|#/.test(query)) {
    return refused(400, "BAD_PATH", "the path has characters that have to be percent-encoded");
  }
  const upstream = upstreams.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
  if (upstream === undefined) return { kind: "own", path };
  const rest = path.slice(upstream.prefix.length);
  const problem = problemOf(rest);
  if (problem !== null) return refused(400, "BAD_PATH", problem);
  if (!isNamed(rest, upstream.paths)) {
    return refused(403, "PATH_NOT_ALLOWED", `${upstream.prefix} does not lead to this path`);
  }
  return {
    kind: "upstream",
    upstream,
    path: `${upstream.basePath}${rest === "" && upstream.basePath === "" ? "/" : rest}${query}`,
  };
}

function refused(status: 400 | 403, code: string, message: string): Target {
  return { kind: "refused", status, code, message };
}

function problemOf(rest: string): string | null {
  // Two slashes at the beginning are a host to some.
  if (rest.startsWith("//")) return "the path begins with two slashes";
  let form = rest;
  for (let depth = 0; depth <= MAX_DECODINGS; depth += 1) {
    if (hasControl(form)) return "the path has control characters";
    // A semicolon begins parameters of a segment: `..;x` is `..` to servers that cut them off.
    const ways = form.split(/[/\\]/).map((segment) => segment.split(";")[0]);
    if (ways.includes("..") || ways.includes(".")) return "the path has segments of dots";
    const next = decoded(form);
    if (next === null) return depth === 0 ? "the path has a % that begins no encoding" : null;
    if (next === form) return null;
    form = next;
  }
  return "the path is encoded too often";
}

function hasControl(text: string): boolean {
  return text.split("").some((character) => character < " " || character === "\u007f");
}

/** Null: it is not what an encoding looks like. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function isNamed(rest: string, patterns: Upstream["paths"]): boolean {
  if (patterns === null) return true;
  // Each by itself: an encoded slash is a part of its segment.
  const segments = rest
    .slice(1)
    .split("/")
    .map((segment) => decoded(segment) ?? segment);
  return patterns.some((pattern) => {
    const isOpen = pattern.at(-1) === "*";
    const fixed = isOpen ? pattern.slice(0, -1) : pattern;
    const fits = isOpen ? segments.length > fixed.length : segments.length === fixed.length;
    return fits && fixed.every((segment, index) => segment === segments[index]);
  });
}

/**
 * Where a redirect of `from` leads, as a path of this proxy; null: to somewhere that it does not lead to. `at`: the path
 * at the upstream that was asked.
 */
export function rewrittenLocation(
  location: string,
  from: Upstream,
  at: string,
  upstreams: readonly Upstream[],
): string | null {
  const url = URL.parse(location, `${from.origin}${at}`);
  if (url === null || url.username !== "" || url.password !== "") return null;
  const own = [from, ...upstreams].find(
    ({ origin, basePath }) =>
      origin === url.origin && (url.pathname === basePath || url.pathname.startsWith(`${basePath}/`)),
  );
  if (own === undefined) return null;
  const path = `${own.prefix}${url.pathname.slice(own.basePath.length)}`;
  // What would be refused when the client follows it is refused here, where it can be told why.
  return targetOf(`${path}${url.search}`, upstreams).kind === "upstream" ? `${path}${url.search}${url.hash}` : null;
}
