/**
 * From a request to its answer: common headers, preflights, the limit, the handler, and one form for everything that goes
 * wrong. One line of the log and one sample of each metric for each request, when its answer is over.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RateLimit } from "../limits/rate-limit.ts";
import { RateLimited } from "../limits/rate-limit.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { json, send } from "./answer.ts";
import { ApiError, errorBody } from "./api-error.ts";
import type { Call } from "./call.ts";
import { clientOf } from "./client-address.ts";
import { isOfClient, toApiError } from "./failures.ts";
import { answerPreflight, setCommonHeaders } from "./headers.ts";
import { findRoute, handlerOf, methodsOf, type Route } from "./router.ts";

export interface ServeOptions {
  readonly routes: readonly Route[];
  readonly limit: RateLimit;
  readonly metrics: Metrics;
  readonly clientHeader: string | null;
  /** Pages of other origins may read the answers. */
  readonly isCrossOrigin: boolean;
}

/** Longer than proxies in front keep a connection: they are to be those who close it. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 30_000;
const BODY_MS = 60_000;

export function httpServer(options: ServeOptions): Server {
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS, requestTimeout: BODY_MS, noDelay: true },
    (request, response) => void serve(request, response, options),
  );
  return server;
}

async function serve(request: IncomingMessage, response: ServerResponse, options: ServeOptions): Promise<void> {
  const began = performance.now();
  const { method = "GET" } = request;
  const notes: Record<string, string | number> = {};
  let route: Route | null = null;
  response.on("close", () => {
    const seconds = (performance.now() - began) / 1_000;
    const name = route?.path ?? "none";
    const isCut = !response.writableFinished;
    const status = isCut && response.statusCode < 400 ? 499 : response.statusCode;
    options.metrics.answered(name, known(method), status, seconds);
    logged(route, { method: known(method), route: name, status, ms: Math.round(seconds * 1_000), ...notes });
  });
  response.on("error", () => undefined);
  try {
    setCommonHeaders(response, options.isCrossOrigin);
    const url = URL.parse(request.url ?? "/", "http://self");
    const found = url === null ? null : findRoute(options.routes, url.pathname);
    if (url === null || found === null) throw new ApiError(404, "NOT_FOUND", "there is nothing at this path");
    ({ route } = found);
    if (method === "OPTIONS") {
      answerPreflight(request, response, methodsOf(route));
      return;
    }
    response.setHeader("allow", methodsOf(route));
    const handler = handlerOf(route, method);
    response.removeHeader("allow");
    const admit = async (): Promise<void> => {
      const client = clientOf(request, options.clientHeader);
      for (const [header, value] of Object.entries(await options.limit.admit(client))) {
        response.setHeader(header, value);
      }
    };
    if (route.isCounted) await admit();
    await handler({ request, response, url, parts: found.parts, notes, admit } satisfies Call);
  } catch (error) {
    if (isOfClient(error, response)) return;
    await refuse(request, response, toApiError(error), { notes, route, metrics: options.metrics });
  }
}

async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: ApiError,
  { notes, route, metrics }: { notes: Record<string, string | number>; route: Route | null; metrics: Metrics },
): Promise<void> {
  notes["code"] = error.code;
  metrics.failed(route?.path ?? "none", error.code);
  if (error instanceof RateLimited) metrics.limited();
  if (error.status >= 500) notes["error"] = error.message;
  // An answer that was begun can only be cut: its length was promised.
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const headers = error instanceof RateLimited ? error.headers : {};
  const retry = error.retryAfter === null ? {} : { "retry-after": String(error.retryAfter) };
  // What is left of a body that nobody reads is not the next request.
  if (!request.complete) response.setHeader("connection", "close");
  await send(request, response, json(errorBody(error), { ...headers, ...retry }, error.status)).catch(() => {
    response.destroy();
  });
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]);

/** Anybody may invent others, each of which would be a series of its own. */
function known(method: string): string {
  return METHODS.has(method) ? method : "OTHER";
}

/** Checks of health and scrapes, which come every few seconds, say something only when they fail. */
const QUIET: ReadonlySet<string> = new Set(["/health", "/metrics"]);

function logged(route: Route | null, line: { status: number } & Record<string, unknown>): void {
  if (route !== null && QUIET.has(route.path) && line.status < 400) return;
  const level = line.status >= 500 ? "error" : "info";
  console.log(JSON.stringify({ level, message: "downloader.request", ...line }));
}
