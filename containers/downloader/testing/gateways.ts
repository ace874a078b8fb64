/**
 * The gateways of Gantry as docs/gateways.md says that they answer, in memory: R2 with its verified writes, KV, and the
 * shared object. The real ones are in workerd; the end-to-end tests have them.
 */
import { createHash } from "node:crypto";
import { count } from "../../../src/samples/window.ts";
import { bodyOf, serveTest, type TestServer } from "./http-server.ts";

export interface Gateways extends TestServer {
  /** Of the environment of a server. */
  readonly env: Readonly<Record<string, string>>;
  readonly objects: Map<string, { bytes: Buffer; uploaded: Date }>;
  readonly keys: Map<string, string>;
  /** `PUT r2 downloader/blobs/sha256/…`. */
  readonly asked: string[];
  /** Granted nothing any more. */
  denied: boolean;
}

interface Shared {
  times: number[];
  value: { text: string; version: number } | null;
  wake: Set<() => void>;
}

export async function startGateways(): Promise<Gateways> {
  const objects: Gateways["objects"] = new Map();
  const keys: Gateways["keys"] = new Map();
  const shared = new Map<string, Shared>();
  const asked: string[] = [];
  const server = await serveTest((request, response) => {
    void (async () => {
      const { method = "GET" } = request;
      const url = new URL(request.url ?? "/", "http://gateway");
      const [, binding = "", ...rest] = url.pathname.split("/");
      const key = decodeURIComponent(rest.join("/"));
      asked.push(`${method} ${binding} ${key}`);
      if (gateways.denied) return response.writeHead(403).end("{}");
      const body = await bodyOf(request);
      if (binding === "STATE") {
        const [name = "", path = ""] = key.split("/");
        const object = shared.get(name) ?? { times: [], value: null, wake: new Set() };
        shared.set(name, object);
        const answer = await serveShared(object, `${method} ${path}`, url, body.toString());
        return response.writeHead(answer.status, answer.headers).end(answer.body);
      }
      if (key === "") {
        const prefix = url.searchParams.get("prefix") ?? "";
        const listed = [...(binding === "R2" ? objects : keys).keys()].filter((one) => one.startsWith(prefix));
        const page =
          binding === "R2"
            ? {
                objects: listed.map((one) => ({
                  key: one,
                  size: objects.get(one)?.bytes.length,
                  uploaded: objects.get(one)?.uploaded,
                })),
              }
            : { keys: listed.map((name) => ({ name, expiration: null, metadata: null })) };
        return response.end(JSON.stringify({ prefix, ...page, cursor: null }));
      }
      if (method === "PUT") {
        if (binding === "KV") keys.set(key, body.toString());
        else {
          const sum = createHash("sha256").update(body).digest("hex");
          if (request.headers["gantry-sha256"] !== sum) return response.writeHead(400).end("{}");
          objects.set(key, { bytes: body, uploaded: new Date() });
        }
        return response.writeHead(binding === "KV" ? 204 : 200).end();
      }
      if (method === "DELETE") {
        (binding === "R2" ? objects : keys).delete(key);
        return response.writeHead(204).end();
      }
      const found = binding === "R2" ? objects.get(key)?.bytes : keys.get(key);
      if (found === undefined) return response.writeHead(404).end("{}");
      const [, from] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
      const bytes = Buffer.from(found).subarray(Number(from ?? 0));
      response.writeHead(from === undefined ? 200 : 206, { "content-length": bytes.length });
      return response.end(bytes);
    })().catch(() => response.destroy());
  });
  const gateways: Gateways = {
    ...server,
    objects,
    keys,
    asked,
    denied: false,
    env: {
      DOWNLOADER_KV_URL: `${server.origin}/KV/downloader/`,
      DOWNLOADER_R2_URL: `${server.origin}/R2/downloader/`,
      DOWNLOADER_STATE_URL: `${server.origin}/STATE/downloader:`,
    },
  };
  return gateways;
}

async function serveShared(
  object: Shared,
  route: string,
  url: URL,
  body: string,
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const headers = { "content-type": "application/json" };
  if (route === "POST count") {
    const { limit, windowSeconds } = JSON.parse(body) as { limit: number; windowSeconds: number };
    const { times, verdict } = count(object.times, { limit, windowMs: windowSeconds * 1_000 }, Date.now());
    object.times = times;
    return { status: 200, headers, body: JSON.stringify(verdict) };
  }
  if (route === "PUT value") {
    object.value = { text: body, version: (object.value?.version ?? 0) + 1 };
    const hasReaders = object.wake.size > 0;
    for (const wake of object.wake) wake();
    return { status: 200, headers, body: JSON.stringify({ version: object.value.version, hasReaders }) };
  }
  const hasNews = () => object.value !== null && String(object.value.version) !== url.searchParams.get("after");
  if (!hasNews()) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Number(url.searchParams.get("wait") ?? 0) * 1_000);
    object.wake.add(resolve);
    await promise;
    object.wake.delete(resolve);
    clearTimeout(timer);
  }
  if (object.value === null) return { status: 404, headers, body: "{}" };
  const etag = `"${object.value.version}"`;
  return { status: hasNews() ? 200 : 304, headers: { ...headers, etag }, body: hasNews() ? object.value.text : "" };
}
