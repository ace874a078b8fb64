/**
 * Paths that a credential covers. A path that a server could read as another one than it says is covered by none: a
 * credential that is missing shows, one that was used elsewhere does not.
 */

export type ParsedPathPattern = { readonly pattern: string } | { readonly problem: string };

const MAX_PATTERN_LENGTH = 1_024;
/** Servers behind servers decode again; what is encoded deeper than this says that it has something to hide. */
const MAX_ROUNDS = 4;

/** For authors: `/v1/charges`, or `/v1/*` for all that is below `/v1/`. */
export function pathPattern(text: string): ParsedPathPattern {
  if (!text.startsWith("/")) return { problem: 'must begin with a slash, as in "/v1/*"' };
  if (text.length > MAX_PATTERN_LENGTH) return { problem: `must have at most ${MAX_PATTERN_LENGTH} characters` };
  if (/[?#]/.test(text)) return { problem: "must be a path alone, without ? and #" };
  const isPrefix = text.endsWith("*");
  const fixed = isPrefix ? text.slice(0, -1) : text;
  if (fixed.includes("*")) return { problem: 'has a * in another place than at its end: "/v1/*" is all below /v1/' };
  const asked = `http://host${fixed}`;
  const written = URL.canParse(asked) ? new URL(asked).pathname : "";
  if (written !== fixed) return { problem: `is not as requests have it: write ${JSON.stringify(written)}` };
  if (isAmbiguous(fixed)) return { problem: "must have no . and .. as parts, and no backslash, encoded or not" };
  return { pattern: text };
}

/** The path as the URL parser has normalised it, without its query. */
export function coversPath(patterns: readonly string[], pathname: string): boolean {
  if (isAmbiguous(pathname)) return false;
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? pathname.startsWith(pattern.slice(0, -1)) : pathname === pattern,
  );
}

/** Whether some decoding of it leads up the tree. The URL parser has resolved what does so in plain sight. */
function isAmbiguous(pathname: string): boolean {
  let path = pathname;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (leadsUp(path)) return true;
    const decoded = decode(path);
    if (decoded === path) return false;
    if (decoded === null) return true;
    path = decoded;
  }
  return true;
}

/** A dot segment, also one with parameters or blanks behind it, which some servers drop before they look. */
function leadsUp(path: string): boolean {
  if (path.includes("\\") || hasControls(path)) return true;
  return path.includes("/.") && /\/\.\.?(?:$|[/;\s])/.test(path);
}

function hasControls(path: string): boolean {
  for (let index = 0; index < path.length; index += 1) {
    const code = path.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** Null for bytes that are no text, which each server reads in its own way. */
function decode(path: string): string | null {
  if (!path.includes("%")) return path;
  try {
    return path.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, decodeURIComponent);
  } catch {
    return null;
  }
}
