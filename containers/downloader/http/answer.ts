/** Answers that fit into memory: their headers, their compression, their validators. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { acceptedEncoding, compressed, isWorthIt } from "./compression.ts";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Answer {
  return { status, type: "application/json; charset=utf-8", body: `${JSON.stringify(value)}\n`, headers };
}

export async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const plain = Buffer.from(answer.body);
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  response.setHeader("content-type", answer.type);
  let bytes: Buffer = plain;
  if (isWorthIt(answer.type, plain.length)) {
    response.appendHeader("vary", "accept-encoding");
    const encoding = acceptedEncoding(request.headers["accept-encoding"]);
    if (encoding !== null) {
      bytes = await compressed(encoding, plain);
      response.setHeader("content-encoding", encoding);
    }
  }
  if (response.destroyed) return;
  response.setHeader("content-length", bytes.length);
  response.end(request.method === "HEAD" ? undefined : bytes);
}
