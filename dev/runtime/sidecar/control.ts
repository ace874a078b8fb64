/**
 * workerd's control calls: `PUT /egress` says what the container may reach, `GET /ca` hands out the certificate.
 */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AUTHORITY_FILES } from "./paths.ts";

export interface Control {
  /** Settles when the network is set up: workerd starts the workload after the first answer. */
  readonly ready: Promise<void>;
  /** False where the body makes no sense. */
  update(body: string): boolean;
}

export async function answerControl(
  request: IncomingMessage,
  response: ServerResponse,
  control: Control,
): Promise<void> {
  // The workload shares this network namespace, and must not change its own rules.
  if (request.socket.remoteAddress === request.socket.localAddress) {
    response.writeHead(403).end();
  } else if (request.method === "PUT" && request.url === "/egress") {
    const body = await readText(request);
    await control.ready;
    response.writeHead(control.update(body) ? 204 : 400).end();
  } else if (request.method === "GET" && request.url === "/ca") {
    const certificate = await readFile(AUTHORITY_FILES.certificate);
    response.writeHead(200, { "content-type": "application/x-pem-file", "content-length": certificate.length });
    response.end(certificate);
  } else {
    request.resume();
    response.writeHead(404).end();
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  return text;
}
