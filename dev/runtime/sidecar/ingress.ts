/**
 * The way into the container: workerd sends `CONNECT` with `X-Dst-Addr`, and gets a tunnel to the workload's port.
 * Every request to a container passes here, so the path is two sockets and nothing between them.
 */
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { splice } from "./splice.ts";

const ESTABLISHED = "HTTP/1.1 200 OK\r\n\r\n";
const REFUSED = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Reads `ip:port`, where an IPv6 address stands in brackets. */
export function parseDestination(text: string | undefined): Destination | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text ?? "");
  const port = Number(match?.[3]);
  if (match === null || !(port > 0 && port < 65536)) return undefined;
  const host = match[1] ?? match[2] ?? "";
  // The workload shares this network namespace; its own address is as good as loopback for what listens on all.
  return { host: host === "" || host === "0.0.0.0" || host === "localhost" ? "127.0.0.1" : host, port };
}

export function openTunnel(request: IncomingMessage, client: Duplex, head: Buffer): void {
  const header = request.headers["x-dst-addr"];
  const destination = parseDestination(typeof header === "string" ? header : request.url);
  if (destination === undefined) {
    client.end(REFUSED);
    return;
  }
  const workload = connect({ ...destination, allowHalfOpen: true, noDelay: true });
  const refuse = () => client.end(REFUSED);
  const abandon = () => workload.destroy();
  workload.once("error", refuse);
  client.once("close", abandon);
  client.once("error", abandon);
  workload.once("connect", () => {
    workload.off("error", refuse);
    client.off("close", abandon);
    client.off("error", abandon);
    client.write(ESTABLISHED);
    if (head.length > 0) workload.write(head);
    splice(client, workload);
  });
}
