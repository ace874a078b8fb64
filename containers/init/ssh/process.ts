/**
 * A shell or a command of an SSH session, with or without a terminal. Node has none to give: where the image has
 * `script`, as Debian's have, that makes one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

export interface Terminal {
  readonly type: string;
  readonly columns: number;
  readonly rows: number;
}

export interface Started {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Null with a terminal, which has one output. */
  readonly stderr: Readable | null;
  /** Of the command: its exit code, or the signal that has ended it. After all of its output. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly resize: (columns: number, rows: number) => void;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Programs that a terminal is made with. */
const PTY_PROGRAMS = ["script", "stty", "tty"];

/** Where what a terminal needs is written: some containers have a disk that is read only. */
const FOLDERS = [tmpdir(), "/dev/shm", "/run"];

export function hasPty(env: Env): boolean {
  return PTY_PROGRAMS.every((program) => isInstalled(program, env)) && writableFolder() !== undefined;
}

function writableFolder(): string | undefined {
  return FOLDERS.find((folder) => isAllowed(folder, constants.W_OK | constants.X_OK));
}

function isInstalled(program: string, env: Env): boolean {
  return (env["PATH"] ?? "").split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  return isAllowed(path, constants.X_OK);
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** `command`: null for a shell. */
export function start(command: string | null, env: Env, terminal: Terminal | null): Started {
  return terminal === null ? startPlain(command, env) : startOnTerminal(command, env, terminal);
}

function startPlain(command: string | null, env: Env): Started {
  const shell = loginShell();
  const child = spawn(shell, command === null ? ["-l"] : ["-c", command], { ...placeOf(env), stdio: "pipe" });
  return { ...streamsOf(child), ended: endOf(child), signal: signalTo(child), resize: () => undefined };
}

function startOnTerminal(command: string | null, env: Env, { type, columns, rows }: Terminal): Started {
  const folder = mkdtempSync(join(writableFolder() ?? tmpdir(), "gantry-ssh-"));
  const [run, tty, code] = [join(folder, "run"), join(folder, "tty"), join(folder, "code")];
  const shell = loginShell();
  const program = command === null ? `${quoted(shell)} -l` : `${quoted(shell)} -c ${quoted(command)}`;
  // A trap, since what a shell ignores its children ignore too. `script` switches the echo off where its input is no terminal.
  writeFileSync(
    run,
    `trap : INT QUIT
stty sane cols ${columns} rows ${rows}
tty > ${quoted(tty)}
SHELL=${quoted(shell)} TERM=${quoted(type)} ${program}
echo $? > ${quoted(code)}
`,
  );
  const child = spawn("script", ["-q", "-f", "-c", `exec /bin/sh ${quoted(run)}`, "/dev/null"], {
    ...placeOf({ ...env, SHELL: "/bin/sh" }),
    stdio: "pipe",
  });
  const ended = endOf(child).then((end) => {
    const told = Number(textIn(code) ?? Number.NaN);
    rmSync(folder, { recursive: true, force: true });
    return Number.isNaN(told) ? end : told;
  });
  const resize = (toColumns: number, toRows: number) => {
    const path = textIn(tty);
    if (path === null) return;
    const args = ["-F", path, "cols", String(toColumns), "rows", String(toRows)];
    spawn("stty", args, { stdio: "ignore" }).on("error", () => undefined);
  };
  return { ...streamsOf(child), stderr: null, ended, signal: signalTo(child), resize };
}

/** In a group of its own, so that all that it begins can be told. */
function placeOf(env: Env) {
  // A type of Node's that this project gives more variables than a container has.
  return { cwd: homeOf(env), env: { ...env } as NodeJS.ProcessEnv, detached: true };
}

function streamsOf({ stdin, stdout, stderr }: ChildProcess) {
  if (stdin === null || stdout === null || stderr === null) throw new Error("what is piped has streams");
  // It may end before it has read everything.
  stdin.on("error", () => undefined);
  return { stdin, stdout, stderr };
}

/** A shell's codes for a program that cannot be run. */
const CANNOT_RUN = 127;

function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    child.on("error", () => resolve(CANNOT_RUN));
    child.on("close", (code, signal) => resolve(code ?? signal ?? CANNOT_RUN));
  });
}

function signalTo({ pid }: ChildProcess): Started["signal"] {
  return (name) => {
    try {
      if (pid !== undefined) process.kill(-pid, name);
    } catch {
      // It has ended.
    }
  };
}

function loginShell(): string {
  const { shell } = userInfo();
  return shell !== null && isExecutable(shell) ? shell : "/bin/sh";
}

function homeOf(env: Env): string {
  const home = env["HOME"] ?? "/";
  return isExecutable(home) ? home : "/";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function textIn(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim() || null;
  } catch {
    return null;
  }
}
