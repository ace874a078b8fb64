/**
 * Stand-in for the networking sidecar that workerd starts beside every container, for machines that cannot pull the
 * real one. Its start is part of every cold start, so nothing is loaded before it is needed.
 */
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { answerControl } from "./control.ts";
import { openTunnel } from "./ingress.ts";
import { parseOptions } from "./options.ts";

const options = parseOptions(process.argv.slice(2));
const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  void answerControl(request, response);
});
// The tunnel's client may close its sending side and still read: Node's HTTP server would close both.
server.on("connection", (socket: Socket) => {
  socket.allowHalfOpen = true;
});
server.on("connect", openTunnel);
server.listen(options.ingressPort, options.ingressHost, 4096);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
