/** Answers of the proxy itself, and what every answer says to pages of other origins. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Configuration } from "./configuration.ts";

/** How long browsers may go by a preflight's answer. */
const PREFLIGHT_SECONDS = 600;

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly headers?: OutgoingHttpHeaders;
}

export function corsHeaders(request: IncomingMessage, { corsOrigins }: Configuration): OutgoingHttpHeaders {
  const exposed = { "access-control-expose-headers": "*" };
  if (corsOrigins === "*") return { "access-control-allow-origin": "*", ...exposed };
  const { origin } = request.headers;
  if (origin === undefined || !corsOrigins.has(origin)) return { vary: "origin" };
  return { "access-control-allow-origin": origin, vary: "origin", ...exposed };
}

/** Of upstreams, which say for themselves what they vary by. */
export function withCors(headers: OutgoingHttpHeaders, cors: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const varies = [headers["vary"], cors["vary"]].filter((value) => value !== undefined).join(", ");
  return { ...headers, ...cors, ...(varies === "" ? {} : { vary: varies }) };
}

/** A preflight of a browser, or whoever asks what is possible. */
export function sendOptions(
  request: IncomingMessage,
  answer: ServerResponse,
  methods: readonly string[],
  configuration: Configuration,
): void {
  const asked = request.headers["access-control-request-headers"];
  const allow = [...methods, "OPTIONS"].join(", ");
  const cors = corsHeaders(request, configuration);
  answer.writeHead(204, {
    ...cors,
    allow,
    vary: [cors["vary"], "access-control-request-headers"].filter((value) => value !== undefined).join(", "),
    "access-control-allow-methods": allow,
    "access-control-max-age": String(PREFLIGHT_SECONDS),
    ...(asked === undefined ? {} : { "access-control-allow-headers": asked }),
  });
  answer.end();
}

export function sendText(answer: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: string): void {
  answer.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
  answer.end(answer.req.method === "HEAD" ? undefined : body);
}

export function sendJson(answer: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: object): void {
  sendText(answer, status, { "content-type": "application/json", ...headers }, `${JSON.stringify(body)}\n`);
}

export function sendProblem(answer: ServerResponse, problem: Problem, configuration: Configuration): void {
  const { status, code, message, details, headers = {} } = problem;
  const { req } = answer;
  console.warn(JSON.stringify({ level: "warn", status, code, method: req.method, path: req.url?.split("?")[0] }));
  const all = { ...corsHeaders(req, configuration), "cache-control": "no-store", ...headers };
  sendJson(answer, status, all, { error: { code, message, ...details } });
}
