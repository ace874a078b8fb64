/** Sends requests as they are: paths that fetch would tidy, bodies that are no JSON, methods that nobody sends. */
import { Agent, request } from "node:http";
import type { Answer } from "./checker.ts";

export interface Sent {
  readonly method: string;
  /** Path and query, encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The longest that an operation may take by design is 25 s. */
const TIMEOUT_MS = 60_000;

export class Client {
  readonly #origin: URL;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(origin: URL) {
    this.#origin = origin;
  }

  send({ method, target, headers, body }: Sent): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#origin;
      const length: Record<string, string> =
        body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const options = { hostname, port, method, path: target, headers: { ...headers, ...length }, agent: this.#agent };
      const call = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(flat), body: text });
        });
      });
      call.setTimeout(TIMEOUT_MS, () => call.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      call.on("error", reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function curl(origin: URL, { method, target, headers, body }: Sent): string {
  const parts = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) {
    const shown = body.length > 2_000 ? `${body.slice(0, 200)}… (${body.length} characters)` : body;
    parts.push(`--data-raw ${quoted(shown)}`);
  }
  return `curl -sS -i --path-as-is -X ${method} ${parts.join(" ")} ${quoted(`${origin.origin}${target}`)}`;
}

/** As one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
