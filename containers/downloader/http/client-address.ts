/**
 * Whose requests are counted together. The header is believed only where the operator says that something in front of this
 * server sets it: anybody could send it otherwise, and count as somebody else each time.
 */
import type { IncomingMessage } from "node:http";
import { canonicalAddress } from "../../../src/address-range.ts";
import { ipv6Text, parseAddress, unmapped } from "../../../src/egress/policy/address.ts";

/** What a container of the same account calls with is set by Gantry, and by nobody outside. */
const CALLER = "gantry-caller";

export function clientOf(request: IncomingMessage, trustedHeader: string | null): string {
  const { headers, socket } = request;
  const caller = headers[CALLER];
  if (trustedHeader !== null && typeof caller === "string") {
    return `app-${/application="([\w.-]+)"/.exec(caller)?.[1] ?? "unknown"}`;
  }
  const said = trustedHeader === null ? undefined : headers[trustedHeader];
  const address = (typeof said === "string" ? said : socket.remoteAddress) ?? "unknown";
  return networkOf(address.trim());
}

/** A subscriber has a /64 of IPv6 and may take any address of it. */
export function networkOf(text: string): string {
  const plain = text.split("%")[0] ?? "";
  const canonical = canonicalAddress(plain.includes(":") ? `[${plain}]` : plain);
  // What is no address is cut, so that it can be a part of a key all the same.
  if (canonical === null) return text.replaceAll(/[^\w.:-]/g, "").slice(0, 64);
  const address = parseAddress(unmapped(canonical) ?? canonical);
  if (address?.family !== 6) return unmapped(canonical) ?? canonical;
  return ipv6Text((address.value >> 64n) << 64n);
}
