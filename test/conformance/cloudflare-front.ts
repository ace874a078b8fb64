/**
 * What `wrangler deploy` talks to: Cloudflare's API for the Worker, as it was recorded, and the control plane for its
 * containers. It tells them apart by the path, and changes nothing but whose account it is.
 */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { RECORDED_ACCOUNT_ID, RECORDED_TOKEN, startRecordedApi } from "../../dev/deploy/recorded-api.ts";

const OF_ACCOUNT = /^\/client\/v4\/accounts\/[^/]+/;

export interface Front {
  /** What wrangler takes for `https://api.cloudflare.com/client/v4`. */
  readonly base: string;
  /** Asked of Cloudflare, and known to nobody. */
  readonly unknown: readonly string[];
  stop(): Promise<void>;
}

export async function startFront(controlPlane: string): Promise<Front> {
  const recorded = await startRecordedApi("empty");
  const server = createServer((incoming, answer) => {
    const isOurs = /^\/client\/v4\/accounts\/[^/]+\/containers\//.test(incoming.url ?? "");
    pass(incoming, answer, isOurs ? controlPlane : recorded.baseUrl, !isOurs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`,
    unknown: recorded.unknown,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await recorded.close();
    },
  };
}

function pass(incoming: IncomingMessage, answer: ServerResponse, base: string, isRecorded: boolean): void {
  const { method = "", url = "" } = incoming;
  const path = isRecorded ? url.replace(OF_ACCOUNT, `/client/v4/accounts/${RECORDED_ACCOUNT_ID}`) : url;
  const authorization = isRecorded ? { authorization: `Bearer ${RECORDED_TOKEN}` } : {};
  const headers = { ...incoming.headers, ...authorization };
  const onward = request(new URL(path, base).href, { method, headers }, (received) => {
    answer.writeHead(received.statusCode ?? 502, received.headers);
    received.pipe(answer);
  });
  onward.on("error", () => answer.destroy());
  incoming.pipe(onward);
}
