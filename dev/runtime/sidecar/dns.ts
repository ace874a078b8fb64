/**
 * The container's DNS server, on UDP.
 */
import { createSocket } from "node:dgram";
import type { Resolve } from "./dns-answer.ts";

export interface DnsOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly resolve: Resolve;
}

export async function listenForDns({ addresses, port, resolve }: DnsOptions): Promise<void> {
  await Promise.all(addresses.map((address) => listen(address, port, resolve)));
}

function listen(address: string, port: number, resolve: Resolve): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    void import("./dns-answer.ts").then(({ answerQuery }) => {
      const reply = answerQuery(message, resolve);
      if (reply !== undefined) socket.send(reply, from.port, from.address);
    });
  });
  return new Promise((listening, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      // A reply that cannot be delivered is the client's loss, not the sidecar's end.
      socket.off("error", reject).on("error", () => {});
      listening();
    });
  });
}
