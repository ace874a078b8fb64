/**
 * Turns the container's network round: every address but the engine's own network becomes local, so that a listener
 * here sees the dialled address as its own. No transparent proxying is needed, which Node could not do.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { defaultGateway, isInside, lookUpHost, type Network } from "./addresses.ts";

/** Who the sidecar is once the network is set up: the packet filter tells it from the workload by that. */
export const SIDECAR_UID = 39_001;

export interface RoutingOptions {
  readonly network: Network;
  readonly gatewayCidr: string;
  readonly ingressPort: number;
}

/** The ports that connections to 80, 443 and 53 arrive at. */
export interface CapturePorts {
  readonly http: number;
  readonly tls: number;
  readonly dns: number;
  readonly dnsAddresses: readonly string[];
}

/** Out of the workload's way: it may listen on 80 and 443 itself. */
const REDIRECTED: CapturePorts = { http: 39_080, tls: 39_443, dns: 39_053, dnsAddresses: ["127.0.0.1"] };
/** Without packet filtering the workload cannot have these ports. The addresses are the servers workerd names. */
const DIRECT: CapturePorts = { http: 80, tls: 443, dns: 53, dnsAddresses: ["1.1.1.1", "8.8.8.8"] };

export interface Routing {
  readonly workerdHost: string;
  readonly ports: CapturePorts;
}

export async function setUpRouting(options: RoutingOptions): Promise<Routing> {
  const workerdHost = lookUpHost(await readFile("/etc/hosts", "utf8"), "host.docker.internal");
  if (workerdHost === undefined) throw new Error("host.docker.internal is not in /etc/hosts");
  // Rules first: once addresses are local, a connection that no rule catches could reach the workload itself.
  const filtered = await execute(
    "/usr/sbin/iptables-restore",
    [],
    filterRules({ ...options, workerdHost, ports: REDIRECTED }),
  );
  if (!filtered) process.stderr.write("no packet filter here: the workload cannot listen on ports 80 and 443\n");
  if (!(await execute("/bin/sh", ["-c", await routeCommands(options, workerdHost)]))) {
    throw new Error("the routes could not be set");
  }
  return { workerdHost, ports: filtered ? REDIRECTED : DIRECT };
}

async function routeCommands({ network, gatewayCidr }: RoutingOptions, workerdHost: string): Promise<string> {
  const { device, ownAddress } = network;
  const commands = [`ip route add ${gatewayCidr} dev ${device} src ${ownAddress} table local`];
  if (!isInside(workerdHost, gatewayCidr)) {
    const gateway = defaultGateway(await readFile("/proc/net/route", "utf8"));
    commands.push(`ip route add ${workerdHost} via ${gateway ?? ""} dev ${device} src ${ownAddress} table local`);
  }
  commands.push("ip route add local 0.0.0.0/0 dev lo table local");
  // Only IPv4 is intercepted, so nothing may leave over IPv6.
  return `${commands.join(" && ")} && { ip -6 route del default 2>/dev/null; true; }`;
}

export interface FilterOptions extends RoutingOptions {
  readonly workerdHost: string;
  readonly ports: CapturePorts;
}

/** The input of iptables-restore. Only ports change, never addresses: the listeners need the dialled address. */
export function filterRules({ network, gatewayCidr, ingressPort, workerdHost, ports }: FilterOptions): string {
  const { ownAddress } = network;
  return [
    "*nat",
    ...["127.0.0.0/8", ownAddress, gatewayCidr, workerdHost].map((address) => `-A OUTPUT -d ${address} -j RETURN`),
    `-A OUTPUT -p tcp --dport 80 -j DNAT --to-destination :${ports.http}`,
    `-A OUTPUT -p tcp --dport 443 -j DNAT --to-destination :${ports.tls}`,
    ...ports.dnsAddresses.map(
      (address) => `-A OUTPUT -p udp --dport 53 -j DNAT --to-destination ${address}:${ports.dns}`,
    ),
    "COMMIT",
    "*filter",
    "-A OUTPUT -d 127.0.0.0/8 -j ACCEPT",
    `-A OUTPUT -d ${ownAddress} -j ACCEPT`,
    // workerd may connect before these rules are in force; such a connection does not count as established.
    `-A OUTPUT -p tcp --sport ${ingressPort} -j ACCEPT`,
    "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A OUTPUT -m conntrack --ctstate DNAT -j ACCEPT",
    // The workload has no business with the host or with its neighbours.
    `-A OUTPUT -m owner --uid-owner ${SIDECAR_UID} -d ${workerdHost} -j ACCEPT`,
    // A refusal is itself a packet to an address that counts as outside.
    "-A OUTPUT -p tcp --tcp-flags RST RST -j ACCEPT",
    "-A OUTPUT -p icmp --icmp-type destination-unreachable -j ACCEPT",
    // Every address is local, so a port of the workload would answer for the whole internet.
    "-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset",
    "-A OUTPUT -j REJECT",
    "COMMIT",
    "",
  ].join("\n");
}

function execute(program: string, args: readonly string[], input?: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = execFile(program, args, (error, _stdout, stderr) => {
      if (error !== null) process.stderr.write(`${program}: ${stderr || error.message}\n`);
      resolve(error === null);
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
