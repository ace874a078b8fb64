/**
 * One request on its way to an upstream and back. Bodies are piped both ways, so that nothing is held but what the streams
 * have between them; whoever goes away takes the other side along; a time that is over is a 504 as long as nothing was
 * answered, and a cut connection afterwards, so that no client takes half of an answer for all of it.
 */
import * as http from "node:http";
import * as https from "node:https";
import { Transform, type TransformCallback } from "node:stream";
import { corsHeaders, sendProblem, withCors, type Problem } from "./answers.ts";
import type { Configuration, Upstream } from "./configuration.ts";
import { answerHeaders, upstreamHeaders } from "./headers.ts";
import { rewrittenLocation } from "./target.ts";

const agents = {
  http: new http.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
  https: new https.Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }),
};
/** May be sent again when a kept connection turns out to be closed. */
const REPEATABLE = new Set(["GET", "HEAD"]);
const STATUS_TEXT = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
/** Set by Gantry alone: it has answered in place of the host. */
const GANTRY_ERROR = "gantry-error";

export interface Way {
  readonly upstream: Upstream;
  /** With its query, as it is asked for. */
  readonly path: string;
}

export function forward(
  request: http.IncomingMessage,
  answer: http.ServerResponse,
  way: Way,
  configuration: Configuration,
): void {
  const { upstream } = way;
  const stated = Number(request.headers["content-length"] ?? 0);
  if (stated > configuration.maxBodyBytes) {
    sendProblem(answer, tooLarge(configuration), configuration);
    return;
  }
  let outgoing = ask(request, way);
  let isOver = false;
  let incoming: http.IncomingMessage | null = null;
  const timer = new Deadline((what) =>
    fail({ status: 504, code: "UPSTREAM_TIMEOUT", message: `the upstream took too long to ${what}` }),
  );

  const fail = (problem: Problem) => {
    if (isOver) return;
    isOver = true;
    timer.stop();
    request.unpipe();
    outgoing.destroy();
    incoming?.destroy();
    if (answer.headersSent) {
      answer.destroy();
      return;
    }
    // What is left of the body would be read as the next request.
    const closes = request.complete ? {} : { connection: "close" };
    const details = { upstream: upstream.prefix, ...problem.details };
    sendProblem(answer, { ...problem, details, headers: { ...problem.headers, ...closes } }, configuration);
    if (!request.complete) request.resume();
  };
  const onAnswer = (received: http.IncomingMessage) => {
    incoming = received;
    const problem = problemOf(received) ?? unsayable(received);
    const located = locationOf(received, way, configuration);
    if (problem !== null || located === null) {
      fail(
        problem ?? {
          status: 502,
          code: "REDIRECT_REFUSED",
          message: "the upstream redirects to where this proxy does not lead",
        },
      );
      return;
    }
    timer.within(configuration.idleMs, "send more");
    const cors = corsHeaders(request, configuration);
    const headers = withCors({ ...answerHeaders(received.headers, upstream), ...located }, cors);
    answer.writeHead(received.statusCode ?? 502, received.statusMessage, headers);
    received.on("data", () => timer.again());
    received.on("error", (error) => fail(unreachable(error)));
    received.on("aborted", () => fail(unreachable(new Error("the connection was cut"))));
    received.on("end", () => timer.stop());
    received.pipe(answer);
    // A stream whose first bytes take their time has been answered all the same.
    answer.flushHeaders();
  };
  const isConnected = () => timer.within(configuration.idleMs, "take the request");
  const watch = (sent: http.ClientRequest, mayRepeat: boolean) => {
    timer.within(configuration.connectMs, "be connected with");
    sent.on("socket", (socket) => {
      if (!socket.connecting) isConnected();
      else socket.once(upstream.origin.startsWith("https:") ? "secureConnect" : "connect", isConnected);
    });
    sent.on("finish", () => {
      if (incoming === null) timer.within(configuration.headersMs, "answer");
    });
    sent.on("response", onAnswer);
    sent.on("error", (error) => {
      if (isOver || incoming !== null) return;
      if (mayRepeat && sent.reusedSocket) {
        outgoing = ask(request, way);
        watch(outgoing, false);
        outgoing.end();
        return;
      }
      fail(unreachable(error));
    });
  };

  const hasBody = request.headers["transfer-encoding"] !== undefined || stated > 0;
  watch(outgoing, !hasBody && REPEATABLE.has(request.method ?? ""));
  answer.on("close", () => {
    isOver = true;
    timer.stop();
    if (!answer.writableFinished) {
      outgoing.destroy();
      incoming?.destroy();
    }
  });
  if (!hasBody) {
    outgoing.end();
    return;
  }
  const counted = new Counted(configuration.maxBodyBytes, () => timer.again());
  counted.on("error", () => fail(tooLarge(configuration)));
  request.on("error", () => outgoing.destroy());
  request.pipe(counted).pipe(outgoing);
}

function ask(request: http.IncomingMessage, { upstream, path }: Way): http.ClientRequest {
  const isSecure = upstream.origin.startsWith("https:");
  const { hostname, port, host } = new URL(upstream.origin);
  return (isSecure ? https : http).request({
    // Of an IPv6 address without its brackets.
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    path,
    method: request.method ?? "GET",
    headers: { ...upstreamHeaders(request, upstream), host },
    agent: isSecure ? agents.https : agents.http,
    setHost: false,
  });
}

/** Null: it leads to where this proxy does not. */
function locationOf(
  { headers: { location } }: http.IncomingMessage,
  { upstream, path }: Way,
  { upstreams }: Configuration,
): { location?: string } | null {
  if (location === undefined) return {};
  const rewritten = rewrittenLocation(location, upstream, path, upstreams);
  return rewritten === null ? null : { location: rewritten };
}

/** Gantry's word for it that the host has not answered. */
function problemOf({ headers, statusCode }: http.IncomingMessage): Problem | null {
  const reason = headers[GANTRY_ERROR];
  if (reason === undefined) return null;
  const details = { reason };
  if (reason === "EGRESS_DENIED") {
    const message = "the request was not let out: add the upstream's host to egress.allow of this application";
    return { status: 502, code: "UPSTREAM_NOT_ALLOWED", message, details };
  }
  if (statusCode === 504)
    return { status: 504, code: "UPSTREAM_TIMEOUT", message: "the upstream took too long", details };
  return { status: 502, code: "UPSTREAM_FAILED", message: "the upstream could not be reached, or broke off", details };
}

/** What Node reads and does not write: thrown in the midst of an answer, it would end the process. */
function unsayable({ statusCode = 0, statusMessage = "" }: http.IncomingMessage): Problem | null {
  const isStatus = statusCode >= 200 && statusCode <= 999;
  return isStatus && STATUS_TEXT.test(statusMessage)
    ? null
    : unreachable(new Error("no status that could be passed on"));
}

function unreachable(error: Error): Problem {
  const reason = "code" in error && typeof error.code === "string" ? error.code : "CONNECTION_CUT";
  return {
    status: 502,
    code: "UPSTREAM_FAILED",
    message: "the upstream could not be reached, or broke off",
    details: { reason },
  };
}

function tooLarge({ maxBodyBytes }: Configuration): Problem {
  return {
    status: 413,
    code: "BODY_TOO_LARGE",
    message: `a body has at most ${maxBodyBytes} bytes`,
    details: { limit: maxBodyBytes },
  };
}

/** One time that runs out, of what is waited for at present. */
class Deadline {
  readonly #onOver: (what: string) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(onOver: (what: string) => void) {
    this.#onOver = onOver;
  }

  within(ms: number, what: string): void {
    this.stop();
    this.#timer = setTimeout(() => this.#onOver(what), ms);
  }

  /** Something has come. */
  again(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

class Counted extends Transform {
  readonly #most: number;
  readonly #onBytes: () => void;
  #size = 0;

  constructor(most: number, onBytes: () => void) {
    super();
    this.#most = most;
    this.#onBytes = onBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += chunk.byteLength;
    this.#onBytes();
    if (this.#size > this.#most) done(new Error("too large"));
    else done(null, chunk);
  }
}
