/**
 * What the sidecar's contract tests need around it: a stand-in for workerd's listener, a running sidecar and
 * workloads inside its network.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { run } from "../run.ts";
import { INGRESS_PORT } from "./paths.ts";

export interface EgressCall {
  readonly destination: string;
  readonly headers: IncomingHttpHeaders;
}

export interface FakeWorkerd {
  readonly port: number;
  readonly calls: EgressCall[];
  /** The status that the next calls get; their tunnels then answer every request with "handled". */
  status: number;
  close(): void;
}

export async function startFakeWorkerd(): Promise<FakeWorkerd> {
  const calls: EgressCall[] = [];
  const inner = createServer((incoming, response) => response.end(`handled ${incoming.headers.host} ${incoming.url}`));
  const outer = createServer();
  outer.on("connect", (incoming, stream: Duplex) => {
    calls.push({ destination: incoming.url ?? "", headers: incoming.headers });
    stream.write(`HTTP/1.1 ${fake.status} Status\r\n\r\n`);
    if (fake.status === 200) inner.emit("connection", stream);
    else stream.end();
  });
  outer.listen(0, "0.0.0.0");
  await once(outer, "listening");
  const { port } = outer.address() as AddressInfo;
  const close = () => {
    outer.closeAllConnections();
    outer.close();
  };
  const fake: FakeWorkerd = { port, calls, status: 200, close };
  return fake;
}

export interface Sidecar {
  readonly id: string;
  readonly ingress: number;
}

/** Starts a sidecar as workerd does. */
export async function startSidecar(image: string, egressPort: number): Promise<Sidecar> {
  const flags = [
    "--cap-add",
    "NET_ADMIN",
    "--expose",
    String(INGRESS_PORT),
    "-P",
    "--dns",
    "1.1.1.1",
    "--dns",
    "8.8.8.8",
  ];
  const host = ["--add-host", "host.docker.internal:host-gateway"];
  const args = `--http-egress-port ${egressPort} --http-ingress-address 0.0.0.0:${INGRESS_PORT} --docker-gateway-cidr 172.17.0.0/16 --dns-enabled --tls-intercept --disable-ipv6`;
  const id = (await run("docker", ["run", "-d", ...flags, ...host, image, ...args.split(" ")])).trim();
  const published = await run("docker", ["port", id, `${INGRESS_PORT}/tcp`]);
  return { id, ingress: Number(/:(\d+)/.exec(published)?.[1]) };
}

/** Runs a Node program in the sidecar's network and returns what it printed. */
export async function runWorkload(sidecar: Sidecar, program: string, certificate?: string): Promise<string> {
  const trust =
    certificate === undefined ? "" : `require("node:tls").setDefaultCACertificates([${JSON.stringify(certificate)}]);`;
  const network = ["--network", `container:${sidecar.id}`];
  return (await run("docker", ["run", "--rm", ...network, "node:24-slim", "node", "-e", trust + program])).trim();
}

/** Starts a Node program in the sidecar's network and leaves it running; returns its container. */
export async function startWorkload(sidecar: Sidecar, program: string): Promise<string> {
  const network = ["--network", `container:${sidecar.id}`];
  return (await run("docker", ["run", "-d", ...network, "node:24-slim", "node", "-e", program])).trim();
}

export async function removeContainers(ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await run("docker", ["rm", "-f", ...ids]);
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function control(sidecar: Sidecar, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ port: sidecar.ingress, host: "127.0.0.1", method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.on("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export interface IngressTunnel {
  readonly status: number;
  readonly socket: Socket;
}

export async function openIngress(sidecar: Sidecar, destination: string): Promise<IngressTunnel> {
  const call = request({
    method: "CONNECT",
    path: destination,
    headers: { "x-dst-addr": destination },
    createConnection: () => connect({ port: sidecar.ingress, host: "127.0.0.1", allowHalfOpen: true }),
  });
  call.end();
  const [response, socket] = await once(call, "connect");
  return { status: response.statusCode, socket };
}
