/**
 * A proxy between a client and the control plane that passes everything on and notes what was asked, so that a test can
 * say which requests a command sends. It changes nothing: the client talks to the control plane as its users do.
 */
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  /** Below `/client/v4/accounts/<account>`, with the query. */
  readonly path: string;
  readonly body: unknown;
  readonly headers: IncomingMessage["headers"];
  readonly status: number;
}

export class Recorder {
  readonly #server: Server;
  readonly #upstream: URL;
  #seen: SeenRequest[] = [];

  private constructor(upstream: URL) {
    this.#upstream = upstream;
    this.#server = createServer((incoming, answer) => void this.#pass(incoming, answer));
  }

  static async start(upstream: string): Promise<Recorder> {
    const recorder = new Recorder(new URL(upstream));
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** What clients take for `https://api.cloudflare.com/client/v4`. */
  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/client/v4`;
  }

  /** The requests since the last call. */
  take(): SeenRequest[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  async #pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await readAll(incoming);
    const { method = "", url = "", headers } = incoming;
    const onward = request(new URL(url, this.#upstream).href, { method, headers }, (received) => {
      this.#seen.push({
        method,
        path: url.replace(/^\/client\/v4\/accounts\/[^/]+/, ""),
        body: parsed(body.toString()),
        headers,
        status: received.statusCode ?? 0,
      });
      answer.writeHead(received.statusCode ?? 502, received.headers);
      received.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    onward.end(body);
  }
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
