/**
 * An interactive command over a WebSocket. The first frame says what to run; after it binary frames are keys and output, and
 * text frames are JSON: `{"resize": {"columns", "rows"}}` to the container, `{"exitCode": n}` from it. What the command is
 * given may be secret, so it is in no address and no header.
 */
import * as z from "zod";
import { describeError } from "../errors.ts";
import type { CommandPort, Process } from "./port.ts";

const size = z.strictObject({ columns: z.int().min(1).max(1_000), rows: z.int().min(1).max(1_000) });
const beginSchema = z.strictObject({
  exec: z.strictObject({
    command: z.string().min(1).max(4_096),
    args: z.array(z.string().max(65_536)).max(1_024).default([]),
    cwd: z.string().max(4_096).optional(),
    env: z.record(z.string().max(256), z.string().max(65_536)).default({}),
    size: size.default({ columns: 80, rows: 24 }),
  }),
});
const resizeSchema = z.strictObject({ resize: size });

/** WebSocket close codes. */
const CLOSE = { normal: 1000, unsupported: 1003, tooMuch: 1009, failed: 1011 } as const;
/** Keys that wait for a command which does not read them. */
const MAX_BACKLOG_BYTES = 1_048_576;
const SIGHUP = 1;
const MAX_REASON_BYTES = 120;

/** `end` is called once, when the terminal is over. The socket is accepted here. */
export function serveTerminal(port: CommandPort, socket: WebSocket, end: () => void): void {
  const terminal = new TerminalSession(port, socket, end);
  // Else keys come as Blobs.
  socket.binaryType = "arraybuffer";
  socket.accept();
  socket.addEventListener("message", ({ data }) => terminal.receive(data));
  socket.addEventListener("close", () => terminal.hangUp());
  socket.addEventListener("error", () => terminal.hangUp());
}

class TerminalSession {
  readonly #port: CommandPort;
  readonly #socket: WebSocket;
  readonly #end: () => void;
  #process: Process | null = null;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #begun = false;
  #isOver = false;
  #backlog = 0;
  /** Frames are carried out in the order in which they came. */
  #turn: Promise<void> = Promise.resolve();

  constructor(port: CommandPort, socket: WebSocket, end: () => void) {
    this.#port = port;
    this.#socket = socket;
    this.#end = end;
  }

  receive(data: string | ArrayBuffer): void {
    if (this.#isOver) return;
    if (!this.#begun) {
      this.#begun = true;
      this.#then(() => this.#begin(data));
      return;
    }
    if (typeof data !== "string") {
      this.#backlog += data.byteLength;
      if (this.#backlog > MAX_BACKLOG_BYTES) {
        this.#close(CLOSE.tooMuch, "more input than the command reads");
        return;
      }
      this.#then(async () => {
        await this.#writer?.write(new Uint8Array(data));
        this.#backlog -= data.byteLength;
      });
      return;
    }
    this.#then(async () => {
      const parsed = resizeSchema.safeParse(parseJson(data));
      if (!parsed.success) this.#close(CLOSE.unsupported, `not a resize: ${issueOf(parsed.error)}`);
      else this.#process?.resize(parsed.data.resize.columns, parsed.data.resize.rows);
    });
  }

  hangUp(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#process?.kill(SIGHUP);
    } catch {
      // It has ended.
    }
    this.#end();
  }

  async #begin(data: string | ArrayBuffer): Promise<void> {
    const parsed = beginSchema.safeParse(typeof data === "string" ? parseJson(data) : undefined);
    if (!parsed.success) {
      this.#close(CLOSE.unsupported, `the first frame must be {"exec": {…}}: ${issueOf(parsed.error)}`);
      return;
    }
    const { command, args, cwd, env, size: pty } = parsed.data.exec;
    const options = { env, pty, ...(cwd === undefined ? {} : { cwd }) };
    const process = await this.#port.spawn([command, ...args], options);
    this.#process = process;
    this.#writer = process.stdin?.getWriter() ?? null;
    if (this.#isOver) process.kill(SIGHUP);
    else void this.#print(process);
  }

  async #print(process: Process): Promise<void> {
    try {
      if (process.stdout !== null) for await (const chunk of process.stdout) this.#socket.send(chunk);
      const exitCode = await process.exitCode;
      if (this.#isOver) return;
      this.#socket.send(JSON.stringify({ exitCode }));
      this.#close(CLOSE.normal, "the command has ended");
    } catch (error) {
      this.#close(CLOSE.failed, describeError(error));
    }
  }

  #then(step: () => Promise<void>): void {
    this.#turn = this.#turn.then(step).catch((error: unknown) => this.#close(CLOSE.failed, describeError(error)));
  }

  #close(code: number, reason: string): void {
    if (this.#isOver) return;
    this.hangUp();
    try {
      this.#socket.close(code, reason.slice(0, MAX_REASON_BYTES));
    } catch {
      // The other side has gone.
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function issueOf({ issues: [issue] }: z.ZodError): string {
  return issue === undefined ? "it is no JSON" : `${issue.path.join(".")} ${issue.message}`;
}
