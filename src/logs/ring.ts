/**
 * The Worker's side of `containers/init/gantry-init`: a command that reads, inside a container, what that has kept, and
 * what the command prints. Pure.
 */

/** The lines of a stream are numbered from 1 on, for as long as their container lives. */
export interface Positions {
  readonly stdout: number;
  readonly stderr: number;
}

export const BEGINNING: Positions = { stdout: 0, stderr: 0 };

export type LogStream = keyof Positions;

export interface RingLine {
  readonly stream: LogStream;
  readonly sequence: number;
  readonly at: number;
  readonly text: string;
  /** It was longer. */
  readonly isCut: boolean;
}

/** Why there is nothing to read. */
export const NO_LOGS = ["no_init", "no_output_kept", "no_shell", "not_running", "no_answer"] as const;
export type NoLogs = (typeof NO_LOGS)[number];

/**
 * `$1`: whose logs; a snapshot of a disk has those of another. `$2` and `$3`: after which line of each stream. A line that
 * is being written is left for the next look, and the files are read in any order: lines have numbers.
 */
const READER = `for f in /tmp /dev/shm /run; do
  d=$f/.gantry-logs; o=
  { read -r o < "$d/owner"; } 2>/dev/null
  [ "$o" = "$1" ] && break
  d=
done
[ -n "$d" ] || { [ -e /gantry-init ] && exit 8; exit 9; }
for s in "stdout $2" "stderr $3"; do
  echo "= \${s% *}"
  for k in 0 1; do
    [ -e "$d/\${s% *}.$k" ] && LC_ALL=C awk -v n="\${s#* }" '$2 + 0 > n { match($0, /[:!]/); if (length($0) - RSTART == $3 + 0) print }' "$d/\${s% *}.$k"
  done
done
echo "= end"`;

export function reader(owner: string, after: Positions): string[] {
  return ["/bin/sh", "-c", READER, "gantry", owner, String(after.stdout), String(after.stderr)];
}

const NO_INIT = 9;
const NO_OUTPUT_KEPT = 8;
const LINE = /^(\d{1,15}) (\d{1,15}) \d{1,15}([:!])(.*)$/s;
const END = "= end";

/** Lines in their order, or why there are none. */
export function readRing({ exitCode, output }: { readonly exitCode: number; readonly output: string }) {
  if (exitCode === NO_INIT) return "no_init";
  if (exitCode === NO_OUTPUT_KEPT) return "no_output_kept";
  // Whoever cannot say that it is done, is none of ours: no shell, or none that knows enough.
  if (exitCode !== 0 || !output.trimEnd().endsWith(END)) return "no_shell";
  return ringLines(output);
}

function ringLines(output: string): RingLine[] {
  const lines: RingLine[] = [];
  let stream: LogStream = "stdout";
  for (const line of output.split("\n")) {
    if (line.startsWith("= ")) stream = line === "= stderr" ? "stderr" : "stdout";
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, at = "", sequence = "", mark, text = ""] = match;
    lines.push({
      stream,
      sequence: Number(sequence),
      at: Number(at),
      text: text.replace(/\r$/, ""),
      isCut: mark === "!",
    });
  }
  return lines.toSorted((a, b) => (a.stream === b.stream ? a.sequence - b.sequence : a.stream < b.stream ? 1 : -1));
}

/** After those lines. */
export function positionsAfter(before: Positions, lines: readonly RingLine[]): Positions {
  const last = (stream: LogStream) =>
    lines.reduce((most, line) => (line.stream === stream ? Math.max(most, line.sequence) : most), before[stream]);
  return { stdout: last("stdout"), stderr: last("stderr") };
}
