/** Which hosts in front of an image mean Gantry's own registry. Pure. */

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export interface OwnHost {
  /** The URL that the request came to. Undefined where none did. */
  readonly asked: string | undefined;
  /** Those that the operator says, separated by commas. */
  readonly hosts: string | undefined;
}

/** On a developer's machine every name of this machine with the same port is the same registry. */
export function isOwnHost(domain: string, { asked, hosts = "" }: OwnHost): boolean {
  const known = hosts.split(",").map((name) => name.trim().toLowerCase());
  if (known.includes(domain)) return true;
  if (asked === undefined) return false;
  const { host, hostname, port, protocol } = new URL(asked);
  if (domain === host) return true;
  const isHere = LOOPBACK.includes(hostname) || hostname.endsWith(".localhost");
  const ownPort = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  return isHere && LOOPBACK.some((name) => domain === `${name}:${ownPort}`);
}
