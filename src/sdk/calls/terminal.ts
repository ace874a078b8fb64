/**
 * An interactive command over a WebSocket. The first frame says what to run; then binary frames are keys and output, and
 * text frames are JSON: `{"resize": {…}}` to the container, `{"exitCode": n}` from it. Commands may hold secrets, which is
 * why none is in an address or a header.
 */
import { deferred } from "../deferred.ts";
import { GantryError } from "../errors.ts";
import { Queue } from "./queue.ts";
import type { ContainerSocket } from "./socket.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalOptions {
  /** Default: the image's `sh`. */
  readonly command?: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default 80 by 24. */
  readonly size?: TerminalSize;
}

/** What the command prints is iterated; `exitCode` settles when it ends. */
export interface Terminal extends AsyncIterable<Uint8Array> {
  write(keys: string | Uint8Array): void;
  resize(size: TerminalSize): void;
  /** Hangs up: the command gets SIGHUP. */
  close(): void;
  readonly exitCode: Promise<number>;
}

export const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };

export function openTerminal(socket: ContainerSocket, options: TerminalOptions): Terminal {
  const { command = "sh", args = [], cwd, env = {}, size = DEFAULT_SIZE } = options;
  const { promise: exitCode, resolve, reject } = deferred<number>();
  exitCode.catch(() => undefined);
  socket.send(JSON.stringify({ exec: { command, args, ...(cwd === undefined ? {} : { cwd }), env, size } }));
  // Read here and not by whoever iterates: the exit code is also for those who do not look at the output.
  const output = new Queue<Uint8Array>();
  void collect(socket, output, resolve, reject);
  return {
    exitCode,
    write: (keys) => socket.send(typeof keys === "string" ? new TextEncoder().encode(keys) : keys),
    resize: (next) => socket.send(JSON.stringify({ resize: next })),
    close: () => socket.close(1000, "hung up"),
    [Symbol.asyncIterator]: () => output[Symbol.asyncIterator](),
  };
}

function notEnded(code: number, reason: string): GantryError {
  const why = reason === "" ? `code ${code}` : reason;
  return new GantryError("CONNECTION_LOST", `the terminal was closed before the command ended: ${why}`);
}

/** Messages first, then the end: an exit code that came is never lost to the close behind it. */
async function collect(
  socket: ContainerSocket,
  output: Queue<Uint8Array>,
  onExit: (code: number) => void,
  onCut: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const message of socket) {
      if (typeof message !== "string") output.push(new Uint8Array(message));
      else {
        const { exitCode } = JSON.parse(message) as { exitCode?: unknown };
        if (typeof exitCode === "number") onExit(exitCode);
      }
    }
    const { code, reason } = await socket.closed;
    onCut(notEnded(code, reason));
    output.end();
  } catch (error) {
    onCut(error);
    output.end(error);
  }
}
