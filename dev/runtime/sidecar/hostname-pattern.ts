/**
 * Names as interception rules write them: `api.example.com`, `*.example.com`, `*`. A star stands for any characters.
 */

export type HostnameMatcher = (hostname: string) => boolean;

export function matcherOf(patterns: readonly string[]): HostnameMatcher {
  if (patterns.includes("*")) return () => true;
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${normalized(pattern).split("*").map(escaped).join(".*")}$`, "s"),
  );
  return (hostname) => expressions.some((expression) => expression.test(normalized(hostname)));
}

export function normalized(hostname: string): string {
  return (hostname.endsWith(".") ? hostname.slice(0, -1) : hostname).toLowerCase();
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
