/**
 * What stands between the container and a job's command, so that exit code and output outlive whoever watches: a shell
 * that runs the command, keeps the end of what it prints and its exit code in files, and stays until these have been
 * fetched, for a while. It needs `/bin/sh` and the tools that it looks for first; without them, or without a place to
 * write, it only runs the command.
 *
 * Kept are the last one to two MiB of each stream, so that no job fills the disk by talking. All of it also goes where it
 * would have gone. What the command leaves behind, which may print on, is not waited for.
 */

/** Of each stream, kept per attempt. */
export const OUTPUT_KEPT_BYTES = 65_536;

/** Inside the container. */
const FOLDER = "/tmp/.gantry-attempt";
/** How long the container waits for its output to be fetched, in tenths of seconds. */
const PATIENCE = 3_000;

/**
 * `$1` is the folder, the rest is the command. `ring` copies its input to two files that take turns, `$1.new` after
 * `$1.old`. A signal for the container is one for the command. The exit code of the container is the command's.
 */
const WRAPPER = `d=$1; shift
for t in rm mkdir mkfifo head tail tee wc cat mv sleep; do command -v $t >/dev/null 2>&1 || exec "$@"; done
rm -rf "$d"; mkdir -p "$d" 2>/dev/null && mkfifo "$d/o" "$d/e" "$d/oo" "$d/ee" 2>/dev/null || exec "$@"
ring() { while :; do head -c 1048576 > "$1.new"; [ -s "$1.new" ] || break; [ "$(wc -c < "$1.new")" -lt 1048576 ] && break; mv "$1.new" "$1.old"; done; }
# A signal may come before there is a command to send it to.
p=; s=
trap 's=TERM; [ -n "$p" ] && kill -TERM $p 2>/dev/null' TERM
trap 's=INT; [ -n "$p" ] && kill -INT $p 2>/dev/null' INT
exec 3>&1 4>&2
ring "$d/stdout" < "$d/oo" 3>&- 4>&- & ro=$!
ring "$d/stderr" < "$d/ee" 3>&- 4>&- & re=$!
(trap '' PIPE; exec tee "$d/oo" < "$d/o" >&3 2>/dev/null) & to=$!
(trap '' PIPE; exec tee "$d/ee" < "$d/e" >&4 2>/dev/null) & te=$!
"$@" > "$d/o" 2> "$d/e" 3>&- 4>&- & p=$!
echo $p > "$d/pid"
[ -z "$s" ] || kill -$s $p 2>/dev/null
wait $p; c=$?
while kill -0 $p 2>/dev/null; do wait $p; c=$?; done
n=0; while [ $n -lt 50 ] && { kill -0 $to 2>/dev/null || kill -0 $te 2>/dev/null; }; do sleep 0.02 2>/dev/null || { sleep 1; n=50; }; n=$((n+1)); done
kill $to $te 2>/dev/null; wait $ro; wait $re
echo $c > "$d/code.tmp"; mv "$d/code.tmp" "$d/code"
trap : TERM INT
n=0; while [ $n -lt ${PATIENCE} ] && [ ! -e "$d/fetched" ]; do sleep 0.1 2>/dev/null || { sleep 1; n=$((n+9)); }; n=$((n+1)); done
exit $c`;

/**
 * Waits for the end, then says the exit code (255: it has not ended), the sizes of both tails, and the tails. Quick at
 * first, since many a command is short. With `$2` it kills the command first, and waits for what that comes to, for a
 * while: only when its streams end is all in the files that it has printed.
 */
const WATCHER = `d=$1; n=0
[ -z "$2" ] || kill -9 "$(cat "$d/pid" 2>/dev/null)" 2>/dev/null
while [ ! -e "$d/code" ]; do
  [ -d "$d" ] || exit 9
  [ -z "$2" ] || [ $n -lt 75 ] || break
  s=0.1; [ $n -ge 50 ] || s=0.02; [ $n -lt 600 ] || s=0.5
  sleep $s 2>/dev/null || sleep 1; n=$((n+1))
done
[ -d "$d" ] || exit 9
for s in stdout stderr; do cat "$d/$s.old" "$d/$s.new" 2>/dev/null | tail -c ${OUTPUT_KEPT_BYTES} > "$d/$s.tail"; done
echo "$(cat "$d/code" 2>/dev/null || echo 255) $(($(wc -c < "$d/stdout.tail"))) $(($(wc -c < "$d/stderr.tail")))"
cat "$d/stdout.tail" "$d/stderr.tail"`;

/** The entrypoint that runs a command so. */
export function wrapped(command: readonly string[], folder = FOLDER): string[] {
  return ["/bin/sh", "-c", WRAPPER, "gantry", folder, ...command];
}

/** Run inside: ends when the command has ended, and prints what `readOutcome` reads. Can be asked again. */
export function watch(folder = FOLDER): string[] {
  return ["/bin/sh", "-c", WATCHER, "gantry", folder];
}

/** As `watch`, of a command that is killed before. */
export function kill(folder = FOLDER): string[] {
  return [...watch(folder), "kill"];
}

/** Run inside, once the outcome is kept: the container may go. */
export function release(folder = FOLDER): string[] {
  return ["/bin/sh", "-c", ': > "$1/fetched"', "gantry", folder];
}

export interface CommandOutcome {
  readonly exitCode: number;
  /** The last `OUTPUT_KEPT_BYTES` at most. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Null: that is not what a watcher prints. */
export function readOutcome(printed: Uint8Array): CommandOutcome | null {
  const end = printed.indexOf(10);
  const head = /^(\d{1,3}) (\d{1,6}) (\d{1,6})$/.exec(text(printed.subarray(0, Math.max(0, end))));
  if (head === null) return null;
  const [code = 0, out = 0, err = 0] = head.slice(1).map(Number);
  const body = printed.subarray(end + 1);
  if (body.length !== out + err) return null;
  return { exitCode: code, stdout: text(body.subarray(0, out)), stderr: text(body.subarray(out)) };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
