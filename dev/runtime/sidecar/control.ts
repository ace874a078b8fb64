/**
 * workerd's control calls: `PUT /egress` says what the container may reach, `GET /ca` hands out the certificate.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

export async function answerControl(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "PUT" && request.url === "/egress") {
    for await (const _ of request);
    response.writeHead(204).end();
  } else {
    response.writeHead(404).end();
  }
}
