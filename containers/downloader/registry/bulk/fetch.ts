/** Requests for large bodies, in the shape of `fetch`: `GET` and `HEAD`, without redirects, over connections that are kept. */
import { streamOf } from "../../../../src/registry/upstream/body.ts";
import type { Fetch } from "../../../../src/registry/upstream/transport.ts";
import { Connection, type Answer } from "./connection.ts";
import { PieceMemory } from "./memory.ts";

/** How long one is kept that nobody uses. */
const IDLE_MS = 15_000;
const MAX_IDLE = 8;

export interface BulkFetch {
  readonly fetch: Fetch;
  /** Of the pieces that bodies come in; whoever has used one gives it back. */
  readonly memory: PieceMemory;
  /** Closes what is idle. */
  close(): void;
}

export function bulkFetch(memory: PieceMemory = new PieceMemory(), idleMs = IDLE_MS): BulkFetch {
  const idle = new Map<string, Map<Connection, NodeJS.Timeout>>();

  const forget = (origin: string, connection: Connection) => {
    const kept = idle.get(origin);
    clearTimeout(kept?.get(connection));
    kept?.delete(connection);
    if (kept?.size === 0) idle.delete(origin);
  };

  const idleOne = (origin: string): Connection | null => {
    for (const connection of [...(idle.get(origin)?.keys() ?? [])].toReversed()) {
      forget(origin, connection);
      if (connection.isOpen) return connection;
      connection.close();
    }
    return null;
  };

  const keep = (origin: string, connection: Connection) => {
    const kept = idle.get(origin) ?? new Map<Connection, NodeJS.Timeout>();
    idle.set(origin, kept);
    connection.isUsed = true;
    // A server that waits for the next request is nothing that a process waits for.
    connection.hold(false);
    const end = () => {
      forget(origin, connection);
      connection.close();
    };
    // Nobody may ask there again, and there may be a place for every name that there is.
    kept.set(connection, setTimeout(end, idleMs).unref());
    const [oldest] = kept.keys();
    if (kept.size <= MAX_IDLE || oldest === undefined) return;
    forget(origin, oldest);
    oldest.close();
  };

  const ask = async (url: URL, method: string, text: string, signal: AbortSignal): Promise<Answer> => {
    const { origin } = url;
    for (;;) {
      const kept = idleOne(origin);
      const connection = kept ?? (await Connection.open(url, memory, signal));
      connection.hold(true);
      const abort = () => connection.close();
      signal.addEventListener("abort", abort);
      const done = () => signal.removeEventListener("abort", abort);
      try {
        signal.throwIfAborted();
        const answer = await connection.ask(method, text, () => {
          done();
          keep(origin, connection);
        });
        const cancel = () => {
          done();
          answer.cancel();
        };
        return { ...answer, cancel };
      } catch (error) {
        done();
        connection.close();
        // The server may have closed what was idle in the moment in which it was used again.
        if (kept === null || signal.aborted) throw error;
      }
    }
  };

  return {
    memory,
    fetch: async (address, init) => {
      const { method = "GET", headers, signal } = init;
      if ((method !== "GET" && method !== "HEAD") || init.body != null) return await fetch(address, init);
      const url = new URL(address);
      const text = requestText(url, method, new Headers(headers));
      const answer = await ask(url, method, text, signal ?? new AbortController().signal);
      return responseOf(answer);
    },
    close: () => {
      for (const [origin, kept] of idle) {
        for (const connection of kept.keys()) {
          forget(origin, connection);
          connection.close();
        }
      }
    },
  };
}

function requestText(url: URL, method: string, headers: Headers): string {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  // `Headers` takes no line ends into its values.
  for (const [name, value] of headers) if (name !== "host" && name !== "connection") lines.push(`${name}: ${value}`);
  return `${lines.join("\r\n")}\r\nConnection: keep-alive\r\nUser-Agent: gantry-downloader\r\n\r\n`;
}

function responseOf({ head, next, cancel }: Answer): Response {
  const { status, headers, body } = head;
  const isEmpty = body.kind === "length" && body.length === 0;
  const stream = isEmpty ? null : streamOf({ next, cancel });
  // Where there is nothing to read, nobody will come to its end.
  if (isEmpty) void next();
  return new Response(stream, { status, headers });
}
