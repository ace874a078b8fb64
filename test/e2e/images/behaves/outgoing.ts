/** What the workload asks for itself: as a client does, and byte by byte as somebody does who means to get past a policy. */
import { request, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";

export interface Ask {
  /** Where the connection goes. */
  readonly address: string;
  readonly tls: boolean;
  /** Sent as it is, in the `Host` header and, where it can be one, as the name of TLS. */
  readonly authority: string;
  readonly path: string;
  readonly method: string;
}

export interface Asked {
  /** 0: no answer. */
  readonly status: number;
  readonly body: string;
}

const AT_ONCE = 8;
const PATIENCE_MS = 10_000;

export async function askAll(asks: readonly Ask[]): Promise<Asked[]> {
  const results: Asked[] = [];
  for (let start = 0; start < asks.length; start += AT_ONCE) {
    results.push(...(await Promise.all(asks.slice(start, start + AT_ONCE).map(ask))));
  }
  return results;
}

function ask({ address, tls, authority, path, method }: Ask): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>();
  const failed = (error: unknown) => resolve({ status: 0, body: String(error) });
  const name = authority.replace(/:\d+$/, "");
  const isName = /^[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(name) && !/^[\d.]+$/.test(name);
  // Bytes, as they are written.
  const host = Buffer.from(authority, "utf8").toString("latin1");
  const options = { host: address, path, method, headers: { host }, agent: false, timeout: PATIENCE_MS };
  const secure = { ...options, ...(isName ? { servername: name } : { servername: "" }), rejectUnauthorized: false };
  try {
    const call = tls ? requestTls(secure) : request(options);
    call.once("response", (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), failed);
    });
    call.once("timeout", () => call.destroy(new Error("timeout")));
    call.once("error", failed);
    call.end();
  } catch (error) {
    failed(error);
  }
  return promise;
}

export async function text(message: IncomingMessage): Promise<string> {
  let all = "";
  for await (const chunk of message.setEncoding("utf8")) all += String(chunk);
  return all;
}

/** As a program would: redirects are followed, and headers that begin with `x-send-` are sent without that. */
export async function fetched(url: string, headers: NodeJS.Dict<string | string[]>): Promise<object> {
  const sent = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith("x-send-") && typeof value === "string" ? [[name.slice(7), value] as const] : [],
  );
  return await called({ url, headers: Object.fromEntries(sent) });
}

export interface Call {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Any request that a program makes. */
export async function called({ url, ...init }: Call): Promise<object> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
      url: response.url,
    };
  } catch (error) {
    return { status: 0, error: String(error instanceof Error ? (error.cause ?? error) : error) };
  }
}

/** What is answered first to what is said over a WebSocket. */
export async function said(url: string, say: string): Promise<object> {
  const socket = new WebSocket(url);
  const { promise, resolve } = Promise.withResolvers<object>();
  socket.addEventListener("open", () => socket.send(say));
  socket.addEventListener("message", ({ data }) => resolve({ heard: String(data) }));
  socket.addEventListener("error", () => resolve({ error: "the WebSocket failed" }));
  const timer = setTimeout(() => resolve({ error: "nothing was heard" }), PATIENCE_MS);
  return await promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

const CHUNK = new Uint8Array(65_536).fill(103);

/** So many bytes up, without having them. */
export async function push(url: string, bytes: number): Promise<object> {
  let left = bytes;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) {
        controller.close();
        return;
      }
      const chunk = left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK;
      left -= chunk.length;
      controller.enqueue(chunk);
    },
  });
  const init = { method: "POST", body, duplex: "half" } as RequestInit;
  const began = performance.now();
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text(), ms: performance.now() - began };
}

export async function pull(url: string): Promise<object> {
  const began = performance.now();
  const response = await fetch(url);
  let bytes = 0;
  for await (const chunk of response.body ?? []) bytes += (chunk as Uint8Array).length;
  return { status: response.status, bytes, ms: performance.now() - began };
}
