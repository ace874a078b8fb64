/** Answers: JSON in one piece, or events. */
import type { ServerResponse } from "node:http";
import { errorBody, type ErrorAnswer } from "./errors.ts";

/**
 * That a client has gone is seen by whoever writes to it, and then by the next one in between with what comes next: where the
 * model is silent, this is how long that takes.
 */
const KEEP_ALIVE_MS = 2_000;

export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function sendError(response: ServerResponse, error: ErrorAnswer): void {
  sendJson(response, error.status, errorBody(error), error.headers);
}

/** Begins with the first event, so that what fails before it is an answer with a status of its own. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>) {
    this.#response = response;
    this.#headers = headers;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  send(event: string, data: object): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (!response.headersSent) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", ...this.#headers });
      // A tool, or somebody who has to approve one, takes longer than those in between wait for a word.
      this.#keepAlive = setInterval(() => response.write(": still here\n\n"), KEEP_ALIVE_MS);
      response.once("close", () => clearInterval(this.#keepAlive));
    }
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
  }
}
