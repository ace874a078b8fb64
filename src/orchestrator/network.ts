/** What a stored configuration means for the network of an instance: its addresses and ports. Pure. */
import type { Configuration } from "../api/schemas/configuration.ts";
import { assignPorts, type AddressStrategy, type NetworkMode } from "../api/schemas/network.ts";

export interface InstanceNetwork {
  readonly mode: NetworkMode;
  readonly ipv4: AddressStrategy;
  readonly ipv6: AddressStrategy;
}

export const PRIVATE: InstanceNetwork = { mode: "private", ipv4: "none", ipv6: "none" };

export function networkOf({ network }: Configuration): InstanceNetwork {
  const mode = network?.mode ?? "private";
  if (mode === "private") return PRIVATE;
  const ipv6 = network?.assign_ipv6 ?? "predefined";
  return {
    mode,
    ipv4: network?.assign_ipv4 ?? "none",
    // Cloudflare's rule: `public` is never without one.
    ipv6: mode === "public" && ipv6 === "none" ? "predefined" : ipv6,
  };
}

export function hasAddress({ ipv4, ipv6 }: InstanceNetwork): boolean {
  return ipv4 !== "none" || ipv6 !== "none";
}

export interface Port {
  readonly name: string;
  readonly port: number;
}

/** What it is known to listen on: the declared ports, and where none is, those that it must listen on. */
export function listeningPorts(configuration: Configuration): Port[] {
  if (configuration.ports !== undefined) return portsOf(configuration);
  return requiredPortsOf(configuration).map((port) => ({ name: `port-${port}`, port }));
}

/** In order. */
export function requiredPortsOf(configuration: Configuration): number[] {
  const declared = portsOf(configuration);
  return (configuration.required_ports ?? []).flatMap((item) => {
    // The schema has refused names that are not declared.
    const port = typeof item === "number" ? item : declared.find(({ name }) => name === item)?.port;
    return port === undefined ? [] : [port];
  });
}

/** The declared ports, in order, with what was assigned to those that name only ranges. */
export function portsOf({ ports }: Configuration): Port[] {
  // The schema has refused ranges that run out.
  return assignPorts(ports ?? []).flatMap(({ name, port }) => (port === null ? [] : [{ name, port }]));
}
