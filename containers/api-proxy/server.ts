/**
 * An API under an address of one's own: requests below a prefix go to its upstream and come back with CORS. What it leads
 * to, and how, is its environment (README.md); it holds no secrets, which egress adds outside the container.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { corsHeaders, sendJson, sendOptions, sendProblem, sendText, withCors } from "./answers.ts";
import { ConfigurationError, readConfiguration, type Configuration } from "./configuration.ts";
import { forward } from "./forward.ts";
import { targetOf } from "./target.ts";
import { usageHtml, usageJson } from "./usage.ts";

const OWN_METHODS = ["GET", "HEAD"];

function respond(request: IncomingMessage, answer: ServerResponse, configuration: Configuration): void {
  const target = targetOf(request.url ?? "/", configuration.upstreams);
  if (target.kind === "refused") {
    sendProblem(answer, target, configuration);
    return;
  }
  const methods = target.kind === "own" ? OWN_METHODS : target.upstream.methods;
  if (request.method === "OPTIONS") {
    sendOptions(request, answer, methods, configuration);
    return;
  }
  if (!methods.includes(request.method ?? "")) {
    const allow = [...methods, "OPTIONS"].join(", ");
    const message = `${request.method} is not passed on here`;
    const problem = { status: 405, code: "METHOD_NOT_ALLOWED", message, details: { allow }, headers: { allow } };
    sendProblem(answer, problem, configuration);
    return;
  }
  if (target.kind === "upstream") forward(request, answer, target, configuration);
  else respondOwn(request, answer, target.path, configuration);
}

function respondOwn(
  request: IncomingMessage,
  answer: ServerResponse,
  path: string,
  configuration: Configuration,
): void {
  const cors = corsHeaders(request, configuration);
  switch (path) {
    case "/":
      if (/\btext\/html\b/.test(request.headers.accept ?? "")) {
        const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
        const headers = {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": policy,
          vary: "accept",
        };
        sendText(answer, 200, withCors(headers, cors), usageHtml(configuration));
      } else {
        sendJson(answer, 200, withCors({ vary: "accept" }, cors), usageJson(configuration));
      }
      break;
    case "/health":
      sendJson(
        answer,
        200,
        { ...cors, "cache-control": "no-store" },
        { status: "healthy", timestamp: new Date().toISOString() },
      );
      break;
    default: {
      const prefixes = configuration.upstreams.map(({ prefix }) => prefix);
      const message = `nothing is here: upstreams are below ${prefixes.join(", ")}`;
      sendProblem(answer, { status: 404, code: "NOT_FOUND", message, details: { prefixes } }, configuration);
    }
  }
}

function serve(configuration: Configuration): void {
  const server = createServer((request, answer) => respond(request, answer, configuration));
  // A long upload is cut off where nothing moves, and not because it is long.
  server.requestTimeout = 0;
  // Longer than whoever is in front keeps a connection: it never sends into one that is being closed.
  server.keepAliveTimeout = 75_000;
  process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
  server.listen(Number(process.env["PORT"] ?? 8080), () => {
    const { port } = server.address() as AddressInfo;
    console.log(`listening on ${port}`);
  });
}

try {
  serve(readConfiguration(process.env));
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
