/**
 * What becomes of a docker command line where the CLI has no buildx. Pure; `main.ts` runs the result.
 */

/** Flags that only buildx knows, or that its predecessor refuses. */
const SWITCHES: ReadonlySet<string> = new Set(["--load", "--push"]);
const WITH_VALUE: ReadonlySet<string> = new Set(["--provenance", "--platform", "--output", "--sbom"]);

export function isBuild(args: readonly string[]): boolean {
  return commandOf(args) === "build";
}

/** The image of `docker pull IMAGE`, wherever its flags are. */
export function pulledImage(args: readonly string[]): string | undefined {
  if (commandOf(args) !== "pull") return undefined;
  const rest = args.slice(args.indexOf("pull") + 1);
  for (let at = 0; at < rest.length; at++) {
    const arg = rest[at] ?? "";
    if (arg === "--platform") at++;
    else if (!arg.startsWith("-")) return arg;
  }
  return undefined;
}

export function withoutBuildxFlags(args: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const name = arg.split("=", 1)[0] ?? arg;
    if (SWITCHES.has(name)) continue;
    if (WITH_VALUE.has(name)) {
      if (!arg.includes("=")) at++;
      continue;
    }
    kept.push(arg);
  }
  return kept;
}

/** The command after global flags; only those that wrangler passes are known. */
function commandOf(args: readonly string[]): string | undefined {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg === "--host" || arg === "-H" || arg === "--context") at++;
    else if (!arg.startsWith("-")) return arg;
  }
  return undefined;
}
