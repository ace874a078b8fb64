/** Commands inside a container: one that is waited for, with what it printed. Over the port only, so that a fake can stand for it. */
import { GantryError } from "../errors.ts";
import type { CommandPort, Process } from "./port.ts";

export interface ExecRequest {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: no end. */
  readonly timeoutMs?: number;
  /** Of both streams together; default 1 MB, at most 16 MB. */
  readonly maxOutputBytes?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const DEFAULT_OUTPUT_BYTES = 1_000_000;
/** What a call between objects may carry is twice this. */
export const MAX_OUTPUT_BYTES = 16_000_000;
const SIGKILL = 9;

/** Throws what the port says of one that does not begin, `EXEC_TIMEOUT` and `EXEC_OUTPUT_TOO_LARGE`, and the command is killed. An exit code of any kind is a result. */
export async function execute(port: CommandPort, request: ExecRequest): Promise<ExecResult> {
  const { command, args = [], cwd, env, timeoutMs, maxOutputBytes = DEFAULT_OUTPUT_BYTES } = request;
  const process = await port.spawn([command, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(timeoutMs === undefined ? {} : { beginsWithinMs: timeoutMs }),
  });
  const budget = { left: maxOutputBytes };
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => reject(timedOut(command, timeoutMs)), timeoutMs);
  const output = Promise.all([text(process.stdout, budget), text(process.stderr, budget), process.exitCode]);
  try {
    const [stdout, stderr, exitCode] = await Promise.race([output, overdue]);
    return { exitCode, stdout, stderr };
  } catch (error) {
    output.catch(() => undefined);
    kill(process);
    if (error instanceof OverBudget) {
      const message = `${command} printed more than ${maxOutputBytes} bytes and was killed: raise maxOutputBytes, or print less`;
      throw new GantryError("EXEC_OUTPUT_TOO_LARGE", message, { max_output_bytes: maxOutputBytes });
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function kill(process: Process): void {
  try {
    process.kill(SIGKILL);
  } catch {
    // It has ended.
  }
}

class OverBudget extends Error {}

async function text(stream: ReadableStream<Uint8Array> | null, budget: { left: number }): Promise<string> {
  if (stream === null) return "";
  const decoder = new TextDecoder();
  let read = "";
  for await (const chunk of stream) {
    budget.left -= chunk.byteLength;
    if (budget.left < 0) throw new OverBudget();
    read += decoder.decode(chunk, { stream: true });
  }
  return read + decoder.decode();
}

function timedOut(command: string, timeoutMs: number): GantryError {
  const message = `${command} did not end within ${timeoutMs} ms and was killed`;
  return new GantryError("EXEC_TIMEOUT", message, { timeout_ms: timeoutMs });
}
