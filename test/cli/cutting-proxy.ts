/** Between a command and its control plane: from one request on nothing comes through, as when the command is killed. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface CuttingProxy {
  readonly url: string;
  /** How many requests came, those that were cut too. */
  readonly count: () => number;
  close(): Promise<void>;
}

export interface Cut {
  /** From 0. */
  readonly at: number;
  /** Whether the control plane still hears that one, and only its answer is lost. */
  readonly isHeard: boolean;
  /** Only these are counted. */
  readonly counts?: (method: string) => boolean;
}

export async function cuttingProxy(origin: string, { at, isHeard, counts = () => true }: Cut): Promise<CuttingProxy> {
  let count = 0;
  let isCut = false;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "GET", headers, url = "/" } = request;
      const isThisOne = !isCut && counts(method) && count++ === at;
      if (isThisOne) isCut = true;
      if (isCut && !(isThisOne && isHeard)) return void request.socket.destroy();
      const body = Buffer.concat(chunks);
      const {
        host: _,
        connection: _connection,
        "content-length": _length,
        "transfer-encoding": _te,
        ...rest
      } = headers;
      const answer = await fetch(new URL(url, origin), {
        method,
        headers: rest as Record<string, string>,
        redirect: "manual",
        ...(body.length === 0 ? {} : { body }),
      });
      const text = await answer.text();
      if (isCut) return void request.socket.destroy();
      const passed = ["content-type", "etag", "retry-after", "x-request-id"].flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value] as const];
      });
      response.writeHead(answer.status, Object.fromEntries(passed)).end(text);
    })().catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
