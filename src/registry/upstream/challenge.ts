/**
 * `WWW-Authenticate` as registries send it: several challenges in one line, names in any case, quotes where they like.
 * What cannot be read ends the list; what came before it stands.
 */

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`[\\s,]*(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*))`, "y");
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?=[\\s,]|$)`, "y");
const MAX_LENGTH = 8_192;

export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, MAX_LENGTH);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  for (;;) {
    const current = challenges.at(-1);
    const parameter = current === undefined ? null : matchAt(PARAMETER, text, at);
    if (current !== undefined && parameter !== null) {
      const [whole, name = "", quoted, bare = ""] = parameter;
      const key = name.toLowerCase();
      if (!Object.hasOwn(current.parameters, key)) {
        current.parameters[key] = quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, "$1");
      }
      at += whole.length;
      continue;
    }
    const scheme = matchAt(SCHEME, text, at);
    if (scheme === null) return challenges;
    challenges.push({ scheme: (scheme[1] ?? "").toLowerCase(), parameters: {} });
    at += scheme[0].length;
  }
}

/** A token server to ask; else a password. Null where there is neither. */
export function usefulChallenge(header: string): Challenge | null {
  const challenges = parseChallenges(header);
  const bearer = challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters["realm"] !== undefined);
  return bearer ?? challenges.find(({ scheme }) => scheme === "basic") ?? null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
