/** The init inside the fake container: what it has kept, and what `reader` prints of that. */
export interface Kept {
  readonly stream: "stdout" | "stderr";
  readonly at: number;
  readonly text: string;
  readonly isCut?: boolean;
}

export interface FakeInit {
  readonly lines: Kept[];
  /** What the reader ends with in the place of lines. */
  exitCode: number;
}

/** Null: that is not its command. */
export function fakeReading(
  init: FakeInit | null,
  [, , , name, owner, stdout, stderr]: readonly string[],
  env: Readonly<Record<string, string>>,
): { exitCode: number; output: string } | null {
  if (name !== "gantry" || stderr === undefined) return null;
  if (init === null || owner !== `${env["GANTRY_DEPLOYMENT"]} ${env["GANTRY_GENERATION"]}`) {
    return { exitCode: 9, output: "" };
  }
  if (init.exitCode !== 0) return { exitCode: init.exitCode, output: "" };
  const of = (stream: Kept["stream"], after: number) =>
    init.lines
      .filter((line) => line.stream === stream)
      .map(({ at, text, isCut }, index) => `${at} ${index + 1} ${text.length}${isCut === true ? "!" : ":"}${text}\n`)
      .slice(after)
      .join("");
  const printed = `= stdout\n${of("stdout", Number(stdout))}= stderr\n${of("stderr", Number(stderr))}= end\n`;
  return { exitCode: 0, output: printed };
}
