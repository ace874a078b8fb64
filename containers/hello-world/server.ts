/**
 * The smallest useful workload: says hello, and shows what a proxy in between must keep whole (streams both ways,
 * WebSockets, a clean end). Its environment is never shown: it may hold secrets.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { runJob } from "./job.ts";
import { acceptWebSocket } from "./websocket.ts";

const MAX_STREAM_LINES = 3600;

/** What Gantry and Cloudflare tell an instance about itself. */
const SELF = ["APPLICATION", "INSTANCE", "DEPLOYMENT", "GENERATION", "LOCATION", "REGION", "COUNTRY_A2"].map(
  (name) => [name.toLowerCase(), [`GANTRY_${name}`, `CLOUDFLARE_${name}`]] as const,
);

function whoAmI(): Record<string, string> {
  return Object.fromEntries(
    SELF.flatMap(([name, variables]) => {
      const value = variables.map((variable) => process.env[variable]).find((found) => found !== undefined);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** With its length, which a proxy can hand on whole; `writeHead` would make a chunked answer of it. */
function send(answer: ServerResponse, status: number, type: string, body: string): void {
  answer.statusCode = status;
  answer.setHeader("content-type", type);
  answer.end(body);
}

function sendJson(answer: ServerResponse, status: number, body: object): void {
  send(answer, status, "application/json", `${JSON.stringify(body)}\n`);
}

/** `/stream?lines=5&ms=1000`: one line at a time. */
async function stream(url: URL, answer: ServerResponse): Promise<void> {
  const lines = Math.min(Number(url.searchParams.get("lines") ?? 5) || 0, MAX_STREAM_LINES);
  const ms = Number(url.searchParams.get("ms") ?? 1000) || 0;
  answer.writeHead(200, { "content-type": "text/plain" });
  for (let line = 1; line <= lines && !answer.destroyed; line++) {
    answer.write(`${line}\n`);
    if (line < lines) await sleep(ms);
  }
  answer.end();
}

function respond(request: IncomingMessage, answer: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://self");
  const timestamp = new Date().toISOString();
  switch (url.pathname) {
    case "/":
      send(
        answer,
        200,
        "text/html; charset=utf-8",
        `<!doctype html><title>Hello</title><h1>Hello from a container</h1><p>This is <b>${hostname()}</b>.\n`,
      );
      break;
    case "/json":
      sendJson(answer, 200, { message: "Hello from a container", hostname: hostname(), instance: whoAmI(), timestamp });
      break;
    case "/health":
      sendJson(answer, 200, { status: "healthy", timestamp });
      break;
    case "/echo":
      answer.writeHead(200, { "content-type": request.headers["content-type"] ?? "application/octet-stream" });
      request.pipe(answer);
      break;
    case "/stream":
      void stream(url, answer);
      break;
    default:
      console.warn(JSON.stringify({ level: "warn", status: 404, path: url.pathname }));
      sendJson(answer, 404, { error: "not found" });
  }
}

function serve(): void {
  const server = createServer(respond);
  server.on("upgrade", (request, socket) => {
    if (request.url?.split("?")[0] === "/ws") acceptWebSocket(request, socket);
    else socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  const stop = () => {
    // What is under way may finish; idle keep-alive connections would hold the process for nothing.
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 5000).unref();
  };
  // As process 1 there are no default handlers: without these, stopping would always take the whole grace period.
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  server.listen(Number(process.env["PORT"] ?? 8080), () => {
    const address = server.address();
    console.log(`listening on ${typeof address === "object" ? address?.port : address}`);
  });
}

const [, , mode, ...args] = process.argv;
if (mode === "job") void runJob(args);
else serve();
