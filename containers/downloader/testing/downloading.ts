/** A server of downloads and nothing else, on loopback, for what is tested by its bytes. */
import { once } from "node:events";
import { createServer, request as ask, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import type { ArchiveFormat } from "../archive/layout.ts";
import type { LayerCache } from "../download/layer-cache.ts";
import { Downloads } from "../downloads.ts";
import { DownloadError } from "../errors.ts";
import { bulkFetch } from "../registry/bulk/fetch.ts";
import { Registries, type Login } from "../registry/registries.ts";

export interface Downloader {
  readonly downloads: Downloads;
  readonly registries: Registries;
  /** What `send` failed with, in order. */
  readonly failures: unknown[];
  get(images: string | readonly string[], options?: GetOptions): Promise<Got>;
  /** The answer, whose body nobody reads yet. */
  open(images: string | readonly string[], options?: GetOptions): Promise<IncomingMessage>;
  stop(): void;
}

export interface GetOptions {
  readonly platform?: string;
  readonly format?: ArchiveFormat;
  readonly login?: Login;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
  readonly sha256: string;
  /** All that was promised came. */
  readonly isWhole: boolean;
}

export async function startDownloader(options: { layers?: LayerCache; stallMs?: number } = {}): Promise<Downloader> {
  const bulk = bulkFetch();
  const { layers, stallMs = 5_000 } = options;
  const registries = new Registries({
    aliases: [],
    allowPrivate: true,
    fetch: async (url, init) => await fetch(url, init),
    bulkFetch: bulk.fetch,
    limits: { stallMs, headersMs: stallMs, waitMs: 5_000 },
    clock: { now: () => Date.now(), sleep: async () => {} },
  });
  const downloads = new Downloads({ registries, memory: bulk.memory, layers });
  const failures: unknown[] = [];
  const server = createServer((request, response) => {
    const wanted = JSON.parse(String(request.headers["x-wanted"])) as GetOptions & { images: string[] };
    const serve = async () => {
      const { images, platform = "linux/amd64", format = "hybrid", login = null } = wanted;
      const download = await downloads.prepare({ images, platform, format, login });
      const answer = downloads.answer(download, {
        range: request.headers.range,
        ifRange: request.headers["if-range"] as string | undefined,
      });
      response.writeHead(answer.status, answer.headers);
      if (answer.end === answer.start) response.end();
      else await downloads.send(download, answer, response);
    };
    serve().catch((error: unknown) => {
      failures.push(error);
      if (response.headersSent) return;
      response.statusCode = error instanceof DownloadError ? error.status : 500;
      response.end(String(error));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const open: Downloader["open"] = async (images, { headers = {}, ...rest } = {}) => {
    const wanted = JSON.stringify({ images: [images].flat(), ...rest });
    const sent = ask({ host: "127.0.0.1", port, agent: false, headers: { ...headers, "x-wanted": wanted } });
    sent.on("error", () => {});
    sent.end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    return answer;
  };
  return {
    downloads,
    registries,
    failures,
    open,
    get: async (images, options2) => await got(await open(images, options2)),
    stop: () => {
      server.close();
      server.closeAllConnections();
      bulk.close();
    },
  };
}

export async function got(answer: IncomingMessage): Promise<Got> {
  const parts: Buffer[] = [];
  try {
    for await (const part of answer) parts.push(part as Buffer);
  } catch {
    // Broken off: what came is what there is.
  }
  const bytes = Buffer.concat(parts);
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    bytes,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    isWhole: answer.complete && bytes.length === Number(answer.headers["content-length"] ?? bytes.length),
  };
}
