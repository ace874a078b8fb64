/**
 * Asks workerd what becomes of one outgoing connection of the workload.
 */
import { request } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";

export interface TunnelRequest {
  readonly workerdHost: string;
  readonly workerdPort: number;
  /** `ip:port` as the workload dialled it: workerd matches address ranges against it. */
  readonly destination: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type Tunnel =
  /** A handler takes it, and wants it in plain text. */
  | { readonly kind: "intercepted"; readonly stream: Duplex }
  /** The bytes go on as they are. */
  | { readonly kind: "passed"; readonly stream: Duplex }
  | { readonly kind: "refused" };

export function openEgressTunnel({ workerdHost, workerdPort, destination, headers }: TunnelRequest): Promise<Tunnel> {
  return new Promise((resolve) => {
    const call = request({
      method: "CONNECT",
      path: destination,
      headers: { host: destination, "x-proto": "tcp", ...headers },
      createConnection: () => connect({ host: workerdHost, port: workerdPort, allowHalfOpen: true, noDelay: true }),
    });
    call.once("error", () => resolve({ kind: "refused" }));
    // Whatever the status, the answer to a CONNECT arrives here.
    call.once("connect", (response, stream, head) => {
      if (head.length > 0) stream.unshift(head);
      if (response.statusCode === 200) {
        resolve({ kind: "intercepted", stream });
      } else if (response.statusCode === 202) {
        resolve({ kind: "passed", stream });
      } else {
        stream.destroy();
        resolve({ kind: "refused" });
      }
    });
    call.end();
  });
}
