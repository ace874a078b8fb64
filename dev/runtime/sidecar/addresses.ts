/**
 * IPv4 addresses and what the sidecar must know of its surroundings.
 */
import { networkInterfaces } from "node:os";

export interface Network {
  /** The container's interface on the engine's network. */
  readonly device: string;
  readonly ownAddress: string;
}

export function findNetwork(): Network {
  for (const [device, addresses] of Object.entries(networkInterfaces())) {
    const address = addresses?.find(({ family, internal }) => family === "IPv4" && !internal);
    if (address !== undefined) return { device, ownAddress: address.address };
  }
  throw new Error("no network interface with an IPv4 address");
}

/** The address of a name in the text of /etc/hosts: the resolver itself would be asking this sidecar. */
export function lookUpHost(hosts: string, name: string): string | undefined {
  for (const line of hosts.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address !== undefined && !address.includes(":") && names.includes(name)) return address;
  }
  return undefined;
}

/** The default gateway in the text of /proc/net/route, which writes addresses as little-endian hexadecimal. */
export function defaultGateway(routes: string): string | undefined {
  for (const line of routes.split("\n").slice(1)) {
    const [, destination, gateway] = line.split(/\s+/);
    if (destination === "00000000" && gateway !== undefined) {
      return (gateway.match(/../g) ?? [])
        .toReversed()
        .map((byte) => Number.parseInt(byte, 16))
        .join(".");
    }
  }
  return undefined;
}

export function isInside(address: string, cidr: string): boolean {
  const [network = "", bits = "32"] = cidr.split("/");
  const mask = Number(bits) === 0 ? 0 : (-1 << (32 - Number(bits))) >>> 0;
  return (numeric(address) & mask) >>> 0 === (numeric(network) & mask) >>> 0;
}

function numeric(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
