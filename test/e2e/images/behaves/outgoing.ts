/** What the workload asks for itself: as a client does, and byte by byte as somebody does who means to get past a policy. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

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
  return new Promise((resolve) => {
    const name = authority.replace(/:\d+$/, "");
    const isName = /^[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(name) && !/^[\d.]+$/.test(name);
    const socket: Socket = tls
      ? connectTls({ host: address, port: 443, ...(isName ? { servername: name } : {}), rejectUnauthorized: false })
      : connect(80, address);
    let text = "";
    const done = () => {
      socket.destroy();
      const [head = "", ...rest] = text.split("\r\n\r\n");
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0);
      resolve({ status, body: rest.join("\r\n\r\n") });
    };
    socket.setTimeout(PATIENCE_MS, done);
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    socket.once("error", done);
    socket.once("close", done);
    socket.once(tls ? "secureConnect" : "connect", () => {
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`, "latin1");
    });
  });
}

/** As a program would: redirects are followed, and headers that begin with `x-send-` are sent without that. */
export async function fetched(url: string, headers: NodeJS.Dict<string | string[]>): Promise<object> {
  const sent = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith("x-send-") && typeof value === "string" ? [[name.slice(7), value] as const] : [],
  );
  try {
    const response = await fetch(url, { headers: Object.fromEntries(sent), signal: AbortSignal.timeout(PATIENCE_MS) });
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
