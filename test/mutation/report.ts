/** What a run of Stryker came to, in a form that outlives the line numbers of the file that was mutated. */
import * as z from "zod";

const report = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.string(),
      mutants: z.array(
        z.object({
          mutatorName: z.string(),
          replacement: z.string().optional(),
          status: z.string(),
          location: z.object({ start: z.object({ line: z.int(), column: z.int() }) }),
        }),
      ),
    }),
  ),
});

/** A mutant that no test noticed. */
export interface Survivor {
  readonly line: number;
  /** The line that was changed, and into what: the same as long as the line is. */
  readonly change: string;
}

export interface FileResult {
  readonly mutants: number;
  readonly survivors: readonly Survivor[];
}

const NOTICED: ReadonlySet<string> = new Set(["Killed", "Timeout"]);
const MISSED: ReadonlySet<string> = new Set(["Survived", "NoCoverage"]);

/** Static mutants and those that do not compile are not counted. */
export function resultOf(json: unknown, file: string): FileResult {
  const { files } = report.parse(json);
  const found = files[file];
  if (found === undefined) throw new Error(`the report says nothing of ${file}`);
  const lines = found.source.split("\n");
  const counted = found.mutants.filter(({ status }) => NOTICED.has(status) || MISSED.has(status));
  const survivors = counted
    .filter(({ status }) => MISSED.has(status))
    .map(({ location: { start }, mutatorName, replacement = "" }) => {
      const text = lines[start.line - 1]?.trim() ?? "";
      return { line: start.line, change: `${text} → ${mutatorName}@${start.column}: ${firstLine(replacement)}` };
    });
  return { mutants: counted.length, survivors };
}

function firstLine(text: string): string {
  const [line = ""] = text.split("\n");
  return line.length === text.length ? line : `${line} …`;
}
