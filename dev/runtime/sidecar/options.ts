/**
 * The command line that workerd starts the sidecar with.
 */
import { parseArgs } from "node:util";

export interface SidecarOptions {
  /** Where workerd takes the container's outgoing connections, on host.docker.internal. */
  readonly egressPort: number;
  readonly ingressHost: string;
  readonly ingressPort: number;
  /** The engine's own network: it stays reachable, everything else is local. */
  readonly gatewayCidr: string | undefined;
  readonly dns: boolean;
  readonly tls: boolean;
}

export function parseOptions(args: readonly string[]): SidecarOptions {
  const { values } = parseArgs({
    args: [...args],
    // A later workerd may pass more than is known here.
    strict: false,
    options: {
      "http-egress-port": { type: "string" },
      "http-ingress-address": { type: "string" },
      "docker-gateway-cidr": { type: "string" },
      "dns-enabled": { type: "boolean" },
      "tls-intercept": { type: "boolean" },
      "disable-ipv6": { type: "boolean" },
    },
  });
  const ingress = String(values["http-ingress-address"] ?? "0.0.0.0:39001");
  const colon = ingress.lastIndexOf(":");
  const cidr = values["docker-gateway-cidr"];
  return {
    egressPort: Number(values["http-egress-port"] ?? 0),
    ingressHost: ingress.slice(0, colon),
    ingressPort: Number(ingress.slice(colon + 1)),
    gatewayCidr: typeof cidr === "string" ? cidr : undefined,
    dns: values["dns-enabled"] === true,
    tls: values["tls-intercept"] === true,
  };
}
