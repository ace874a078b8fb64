/**
 * Stand-in for the networking sidecar that workerd starts beside every container, for machines that cannot pull the
 * real one. Its start is part of every cold start, so nothing is loaded before it is needed.
 */
import { fstatSync } from "node:fs";
import { createServer } from "node:http";
import { Socket } from "node:net";
import { AddressBook } from "./address-book.ts";
import { findNetwork, isInside } from "./addresses.ts";
import { answerControl, type Control } from "./control.ts";
import { listenForDns } from "./dns.ts";
import { type EgressContext, listenForHttp, listenForTls } from "./egress.ts";
import { normalized } from "./hostname-pattern.ts";
import { openTunnel } from "./ingress.ts";
import { parseOptions, type SidecarOptions } from "./options.ts";
import { afterUpdate, initialPolicy } from "./policy.ts";
import { setUpRouting, SIDECAR_UID } from "./routing.ts";

const options = parseOptions(process.argv.slice(2));
const book = new AddressBook();
let policy = initialPolicy(options.egressPort);

const control: Control = {
  ready: openEgress(options),
  update(body) {
    const next = afterUpdate(policy, body);
    if (next !== undefined) policy = next;
    return next !== undefined;
  },
};
// Whatever is unclear about the network must not end in a container that reaches everything.
control.ready.catch((error: unknown) => {
  process.stderr.write(`the network could not be set up: ${String(error)}\n`);
  process.exit(1);
});

const server = createServer({ noDelay: true }, (request, response) => {
  answerControl(request, response, control).catch(() => response.destroy());
});
server.on("connect", openTunnel);
server.listen({ port: options.ingressPort, host: options.ingressHost, backlog: 4096 });
// The image starts this program when somebody connects, with that connection as standard input.
if (fstatSync(0).isSocket()) server.emit("connection", new Socket({ fd: 0, allowHalfOpen: true }));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));

async function openEgress({ gatewayCidr, ingressPort, dns, tls }: SidecarOptions): Promise<void> {
  const network = findNetwork();
  const cidr = gatewayCidr ?? `${network.ownAddress}/32`;
  const { workerdHost, ports } = await setUpRouting({ network, gatewayCidr: cidr, ingressPort });
  const context: EgressContext = {
    workerdHost,
    workerdPort: () => policy.port,
    internetEnabled: () => policy.internet,
    isOutside: (address) => !isInside(address, "127.0.0.0/8") && !isInside(address, cidr),
    nameOf: (address) => book.nameOf(address),
  };
  await Promise.all([
    listenForHttp(ports.http, context),
    ...(tls ? [listenForTls(ports.tls, context)] : []),
    ...(dns ? [listenForDns({ addresses: ports.dnsAddresses, port: ports.dns, resolve })] : []),
  ]);
  process.setgid?.(SIDECAR_UID);
  process.setuid?.(SIDECAR_UID);
}

function resolve(name: string): string | undefined {
  return policy.internet || policy.mayResolve(name) ? book.addressOf(normalized(name)) : undefined;
}
