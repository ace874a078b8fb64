/** The server as it runs in the image, as a process of a test, and a client of it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const SERVER = join(import.meta.dirname, "../server.ts");

export interface SeenEvent {
  readonly type: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an event is what it asserts about it
  readonly data: any;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- what a test reads of an answer is what it asserts about it
  readonly body: any;
}

export class AgentProcess {
  readonly base: string;
  readonly #child: ChildProcess;
  #log = "";

  private constructor(child: ChildProcess, base: string) {
    this.#child = child;
    this.base = base;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (this.#log += String(chunk)));
  }

  static async start(env: Record<string, string>): Promise<AgentProcess> {
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [SERVER], {
      env: { PATH, PORT: "0", AGENT_MAX_RETRIES: "0", ...env } as unknown as NodeJS.ProcessEnv,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.pipe(process.stderr, { end: false });
    const [line] = await once(child.stdout, "data");
    return new AgentProcess(child, `http://127.0.0.1:${/\d+/.exec(String(line))?.[0]}`);
  }

  /** What it has printed. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const answer = await fetch(this.base + path, { method, ...sent });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === "" ? null : JSON.parse(text) };
  }

  async chat(message: string, more: object = {}): Promise<Answer> {
    return await this.call("POST", "/chat", { message, ...more });
  }

  /** Each event as it comes. */
  async *stream(message: string, more: object = {}, signal?: AbortSignal): AsyncGenerator<SeenEvent> {
    const answer = await fetch(`${this.base}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ message, ...more }),
      ...(signal === undefined ? {} : { signal }),
    });
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const [, type, data] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
        if (type !== undefined && data !== undefined) yield { type, data: JSON.parse(data) };
      }
    }
  }
}
