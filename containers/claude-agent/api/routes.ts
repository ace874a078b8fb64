/** Which path answers what. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { usageReport } from "../conversation/usage.ts";
import { upstreamError } from "../chat/upstream-error.ts";
import type { App } from "./app.ts";
import { readJson } from "./body.ts";
import { chatRoute } from "./chat-route.ts";
import { ApiError, invalid } from "./errors.ts";
import { sendError, sendJson } from "./respond.ts";
import { usagePage } from "./usage-page.ts";

type Route = (app: App, request: IncomingMessage, response: ServerResponse, id: string) => Promise<void> | void;

interface Path {
  readonly pattern: RegExp;
  readonly methods: Readonly<Record<string, Route>>;
}

/** A check of the process is not to fail because something else is slow. */
const KEY_PATIENCE_MS = 500;

const PATHS: readonly Path[] = [
  { pattern: /^\/$/, methods: { GET: ({ settings }, _, response) => sendJson(response, 200, usagePage(settings)) } },
  { pattern: /^\/health$/, methods: { GET: health } },
  { pattern: /^\/chat$/, methods: { POST: chatRoute } },
  { pattern: /^\/history$/, methods: { GET: readHistory, DELETE: clearHistory } },
  { pattern: /^\/usage$/, methods: { GET: readUsage } },
  {
    pattern: /^\/approvals$/,
    methods: { GET: ({ approvals }, _, response) => sendJson(response, 200, { approvals: approvals.list() }) },
  },
  { pattern: /^\/approvals\/([\w-]{1,64})$/, methods: { POST: decide } },
];

export async function serve(app: App, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await route(app, request, response);
  } catch (error) {
    // Gone in the middle of its request.
    if (response.destroyed && !request.complete) return;
    const known = error instanceof ApiError ? error : upstreamError(error);
    if (known === null) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      console.error(JSON.stringify({ level: "error", message: "request.failed", error: why }));
    }
    if (response.headersSent) response.destroy();
    else
      sendError(response, known?.answer ?? { status: 500, code: "INTERNAL", message: "a fault of the agent itself" });
  }
}

async function route(app: App, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = URL.parse(request.url ?? "/", "http://self")?.pathname ?? "";
  for (const { pattern, methods } of PATHS) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const asked = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
    const run = Object.hasOwn(methods, asked) ? methods[asked] : undefined;
    if (run !== undefined) return await run(app, request, response, match[1] ?? "");
    const allow = Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const message = `${path} takes ${allow.join(", ")}`;
    throw new ApiError({ status: 405, code: "METHOD_NOT_ALLOWED", message, headers: { allow: allow.join(", ") } });
  }
  throw new ApiError({
    status: 404,
    code: "NOT_FOUND",
    message: "there is no such path: GET / lists those that there are",
  });
}

async function health({ settings, apiKey }: App, _: IncomingMessage, response: ServerResponse): Promise<void> {
  const { isThere, reason } = await apiKey.stateWithin(KEY_PATIENCE_MS);
  sendJson(response, 200, {
    status: "healthy",
    worker: "claude-agent",
    instance: settings.platform.instance,
    timestamp: new Date().toISOString(),
    hasApiKey: isThere,
    ...(isThere === true || reason === undefined ? {} : { reason }),
  });
}

async function readHistory(app: App, _: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name, messages, dropped, kept } = await app.conversation();
  sendJson(response, 200, { conversation: name, kept, limits: app.settings.history, dropped, messages });
}

async function clearHistory(app: App, _: IncomingMessage, response: ServerResponse): Promise<void> {
  const conversation = await app.conversation();
  await conversation.alone(async () => await conversation.clear());
  if (conversation.kept === "unsaved") {
    const message = "the history is gone here, and could not be taken from where it is kept: try again";
    throw new ApiError({ status: 503, code: "CONVERSATION_UNAVAILABLE", message, headers: { "retry-after": "1" } });
  }
  response.writeHead(204).end();
}

async function readUsage(app: App, _: IncomingMessage, response: ServerResponse): Promise<void> {
  const { name, usage } = await app.conversation();
  sendJson(response, 200, { conversation: name, ...usageReport(usage, app.settings.prices) });
}

async function decide(app: App, request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
  const body = await readJson(request, app.settings.bodyBytes);
  const said = typeof body === "object" && body !== null ? (body as { approve?: unknown }).approve : undefined;
  if (typeof said !== "boolean") throw invalid({ approve: "must be true or false" });
  if (app.approvals.decide(id, said)) return sendJson(response, 200, { id, approved: said });
  const message = "no tool call of that id waits for an answer: GET /approvals lists those that do";
  throw new ApiError({ status: 404, code: "APPROVAL_NOT_FOUND", message });
}
