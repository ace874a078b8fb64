/**
 * The way out of the container: takes every connection that the workload opens to ports 80 and 443, finds out which
 * name it is for, and lets workerd decide. Routing has made the dialled address this socket's own local address.
 */
import { createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readClientHello } from "./client-hello.ts";
import { openEgressTunnel, type Tunnel } from "./egress-tunnel.ts";
import { readFirstBytes } from "./first-bytes.ts";
import { readHttpHead } from "./http-host.ts";
import { reset, splice } from "./splice.ts";

const DISALLOWED =
  "HTTP/1.1 520 Origin is disallowed\r\nContent-Type: text/plain\r\nContent-Length: 20\r\nConnection: close\r\n\r\nOrigin is disallowed";

export interface EgressContext {
  readonly workerdHost: string;
  workerdPort(): number;
  internetEnabled(): boolean;
  /** False for the container's own addresses and the engine's network, which nothing redirects here. */
  isOutside(address: string): boolean;
  nameOf(address: string): string | undefined;
}

export function listenForHttp(port: number, context: EgressContext): Promise<void> {
  return listen(port, context, carryHttp);
}

export function listenForTls(port: number, context: EgressContext): Promise<void> {
  return listen(port, context, carryTls);
}

type Carry = (socket: Socket, address: string, context: EgressContext) => Promise<void>;

function listen(port: number, context: EgressContext, carry: Carry): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => {});
    const address = socket.localAddress;
    if (address === undefined || !context.isOutside(address)) {
      socket.resetAndDestroy();
      return;
    }
    carry(socket, address, context).catch(() => reset(socket));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "0.0.0.0", 4096, resolve);
  });
}

async function carryHttp(socket: Socket, address: string, context: EgressContext): Promise<void> {
  const head = await readFirstBytes(socket, readHttpHead);
  const hostname = head.kind === "http" ? head.hostname : undefined;
  const named: Record<string, string> = hostname === undefined ? {} : { "x-hostname": hostname };
  const tunnel = await open(`${address}:80`, named, context);
  if (tunnel.kind === "intercepted") splice(socket, tunnel.stream);
  else if (tunnel.kind === "passed" && context.internetEnabled())
    await pass(socket, tunnel.stream, address, 80, context);
  else if (head.kind === "http") disallow(socket, tunnel);
  else throw new Error("refused");
}

async function carryTls(socket: Socket, address: string, context: EgressContext): Promise<void> {
  const hello = await readFirstBytes(socket, readClientHello);
  const serverName = hello.kind === "hello" ? hello.serverName : undefined;
  const named: Record<string, string> = serverName === undefined ? {} : { "x-tls-sni": serverName };
  const tunnel = await open(`${address}:443`, named, context);
  if (tunnel.kind === "intercepted") {
    // Loaded here: most containers never open an intercepted TLS connection, and X.509 is most of the code.
    const { terminateTls } = await import("./tls-termination.ts");
    splice(await terminateTls(socket, serverName ?? address), tunnel.stream);
  } else if (tunnel.kind === "passed" && context.internetEnabled()) {
    await pass(socket, tunnel.stream, address, 443, context);
  } else {
    throw new Error("refused");
  }
}

function open(destination: string, headers: Record<string, string>, context: EgressContext): Promise<Tunnel> {
  return openEgressTunnel({
    workerdHost: context.workerdHost,
    workerdPort: context.workerdPort(),
    destination,
    headers,
  });
}

/**
 * An address that was made up for a name means nothing outside, so workerd is asked again by name; rules have
 * already said that nobody intercepts it.
 */
async function pass(
  socket: Socket,
  stream: Duplex,
  address: string,
  port: number,
  context: EgressContext,
): Promise<void> {
  const name = context.nameOf(address);
  if (name === undefined) {
    splice(socket, stream);
    return;
  }
  stream.destroy();
  const tunnel = await open(`${name}:${port}`, {}, context);
  if (tunnel.kind === "refused") throw new Error("refused");
  splice(socket, tunnel.stream);
}

function disallow(socket: Socket, tunnel: Tunnel): void {
  if (tunnel.kind !== "refused") tunnel.stream.destroy();
  socket.end(DISALLOWED);
  socket.resume();
}
