/**
 * Commands of the model. A command has an environment of its own, a time, a size of memory, files and output, and, in the
 * image, a user of its own who can neither look into this process nor signal it. What it leaves running ends with it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { done, failed, type ToolResult } from "./result.ts";
import type { ToolSettings } from "../settings.ts";

const PROCESSES = 128;
const FILES = 256;
/** What a command may write into one file. */
const FILE_BLOCKS = 262_144;

/** Variables of this process that a command may know: where certificates are is not a secret. */
const PASSED = ["PATH", "LANG", "TZ", "NODE_EXTRA_CA_CERTS"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

type Limits = Pick<ToolSettings, "workDir" | "shellMs" | "shellMemoryMb" | "shellUser" | "outputBytes">;

export async function runShell(command: string, limits: Limits, signal: AbortSignal): Promise<ToolResult> {
  signal.throwIfAborted();
  const child = start(command, limits);
  const output = collect(child, limits.outputBytes);
  let ended: "time" | "output" | "abort" | null = null;
  const end = (why: "time" | "output" | "abort") => {
    ended ??= why;
    killGroup(child);
  };
  const timer = setTimeout(() => end("time"), limits.shellMs);
  const onAbort = () => end("abort");
  signal.addEventListener("abort", onAbort);
  output.onFull = () => end("output");
  try {
    const { code, signalName } = await exitOf(child);
    // Whatever it left in its group.
    killGroup(child);
    await killUser(limits.shellUser);
    signal.throwIfAborted();
    return resultOf(output.text(), describe(ended, code, signalName, limits), code === 0 && ended === null);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

function start(command: string, { workDir, shellMemoryMb, shellUser }: Limits): ChildProcess {
  const known = PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const env: Environment = { ...Object.fromEntries(known), HOME: workDir, PWD: workDir, TMPDIR: workDir, TERM: "dumb" };
  const blocks = shellMemoryMb * 1_024;
  // `-p` is the number of processes in dash and busybox, `-u` in bash. Data, and not addresses, of which programs reserve more
  // than they use; V8 takes 512 MiB of either for code. Where the machine has less, it ends commands and not this server.
  const limited =
    `echo 1000 2>/dev/null > /proc/self/oom_score_adj; ulimit -c 0; ulimit -d ${blocks}; ulimit -f ${FILE_BLOCKS}; ulimit -n ${FILES}; ` +
    `ulimit -p ${PROCESSES} 2>/dev/null || ulimit -u ${PROCESSES} 2>/dev/null; ` +
    `exec /bin/sh -c "$1"`;
  return spawn("/bin/sh", ["-c", limited, "sh", command], {
    cwd: workDir,
    env: env as NodeJS.ProcessEnv,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(shellUser === null ? {} : { uid: shellUser.uid, gid: shellUser.gid }),
  });
}

interface Output {
  onFull: () => void;
  text(): string;
}

function collect(child: ChildProcess, limit: number): Output {
  const chunks: Buffer[] = [];
  let size = 0;
  const output: Output = {
    onFull: () => undefined,
    text: () => new TextDecoder().decode(Buffer.concat(chunks)),
  };
  const take = (chunk: Buffer) => {
    const room = Math.max(limit - size, 0);
    size += chunk.length;
    if (room > 0) chunks.push(chunk.subarray(0, room));
    if (size > limit) output.onFull();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  return output;
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; signalName: string | null }> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signalName) => {
      // A process that it left may hold the pipes open for ever.
      killGroup(child);
      const finish = () => resolve({ code, signalName });
      const late = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        finish();
      }, 250);
      child.once("close", () => {
        clearTimeout(late);
        finish();
      });
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** Also who has left the group: of the user that commands have for themselves, everybody goes. */
async function killUser(user: ToolSettings["shellUser"]): Promise<void> {
  if (user === null) return;
  const killer = spawn(process.execPath, ["-e", "try { process.kill(-1, 'SIGKILL') } catch {}"], {
    uid: user.uid,
    gid: user.gid,
    env: {} as NodeJS.ProcessEnv,
    stdio: "ignore",
  });
  await new Promise((resolve) => {
    killer.once("error", resolve);
    killer.once("exit", resolve);
  });
}

function describe(
  ended: "time" | "output" | "abort" | null,
  code: number | null,
  signalName: string | null,
  { shellMs, outputBytes }: Limits,
): string {
  if (ended === "time") return `[killed after ${shellMs / 1_000} s]`;
  if (ended === "output") return `[killed: more than ${outputBytes} bytes of output]`;
  return code === null ? `[killed by ${signalName}]` : `[exit code ${code}]`;
}

function resultOf(output: string, status: string, isGood: boolean): ToolResult {
  const text = output === "" || output.endsWith("\n") ? output + status : `${output}\n${status}`;
  return isGood ? done(text) : failed(text);
}
