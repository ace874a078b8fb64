/**
 * The helper that loads images into the engine of this machine for the control plane, which cannot reach the engine itself:
 * an HTTP server on loopback with a secret of its own. `POST /images` loads one by digest and answers lines of progress;
 * `DELETE /images/<digest>` takes ours away. What it loads is named `gantry.local/<project>:<hex of the digest>`.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";
import { projectLabel } from "../launcher/containers.ts";
import { loadArchive } from "./archive.ts";
import { hasImage, nameImage, PullFailure, pullImage, untagImage } from "./engine-images.ts";

export interface ImageLoaderOptions {
  /** The engine's own socket. */
  readonly dockerSocket: string;
  readonly projectDir: string;
  readonly log: (line: string) => void;
}

export interface ImageLoader {
  /** For the control plane. */
  readonly vars: Readonly<Record<"GANTRY_IMAGE_LOADER_URL" | "GANTRY_IMAGE_LOADER_TOKEN", string>>;
  /** Where the control plane's own registry answers, as the engine reaches it: `127.0.0.1:8787`. */
  useRegistry(host: string): void;
  close(): Promise<void>;
}

const loadRequest = z.object({
  /** Null: the control plane's own. */
  domain: z.string().max(300).nullable(),
  repository: z.string().max(300),
  digest: z.string().regex(/^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/),
  username: z.string().optional(),
  password: z.string().optional(),
});
type LoadRequest = z.infer<typeof loadRequest>;

const MAX_BODY = 65_536;
const ALIVE_MS = 5_000;
/** What a registry says of an image that it does not give, as the engine tells it: trying again changes nothing soon. */
const LASTING = /manifest unknown|not found|denied|unauthorized|no matching manifest|no such host|invalid reference/i;

/** What an engine says of a registry that answers somewhere else than where it looks, as one in a virtual machine does. */
const OUT_OF_REACH =
  /connection refused|no route to host|i\/o timeout|network is unreachable|HTTP response to HTTPS client|context deadline exceeded/i;

export async function startImageLoader(options: ImageLoaderOptions): Promise<ImageLoader> {
  const token = randomBytes(32).toString("base64url");
  const state = { registry: null as string | null };
  const server = createServer((request, response) => {
    void serve(request, response).catch((error: unknown) => {
      options.log(`The loader of images failed: ${String(error)}`);
      response.destroy();
    });
  });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAuthorized(request, token)) return void response.writeHead(401).end("the secret is missing or wrong\n");
    const { method, url = "/" } = request;
    if (method === "POST" && url === "/images") return await load(options, state.registry, request, response);
    const digest = /^\/images\/(sha(?:256|512):[0-9a-f]+)$/.exec(url)?.[1];
    if (method !== "DELETE" || digest === undefined) return void response.writeHead(404).end("POST /images\n");
    const { repo, tag } = nameOf(options.projectDir, digest);
    const isGone = await untagImage(options.dockerSocket, `${repo}:${tag}`);
    response.writeHead(isGone ? 204 : 409).end();
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  // Never longer than the launcher.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    vars: { GANTRY_IMAGE_LOADER_URL: `http://127.0.0.1:${port}`, GANTRY_IMAGE_LOADER_TOKEN: token },
    useRegistry: (host) => {
      state.registry = host;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function load(
  options: ImageLoaderOptions,
  registry: string | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const parsed = loadRequest.safeParse(await bodyOf(request));
  if (!parsed.success) return void response.writeHead(400).end(`${parsed.error.issues[0]?.message}\n`);
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  const say = (line: object) => void response.write(`${JSON.stringify(line)}\n`);
  const alive = setInterval(() => say({ state: "alive" }), ALIVE_MS);
  try {
    say({ state: "ready", image: await loaded(options, registry, parsed.data, say) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    options.log(`Image ${parsed.data.repository}@${parsed.data.digest} was not loaded: ${reason}`);
    say({ state: "error", reason, passing: !(error instanceof PullFailure && LASTING.test(reason)) });
  } finally {
    clearInterval(alive);
    response.end();
  }
}

/** Resolves with the name that it has in the engine. */
async function loaded(
  { dockerSocket, projectDir, log }: ImageLoaderOptions,
  registry: string | null,
  { domain, repository, digest, username, password }: LoadRequest,
  say: (line: object) => void,
): Promise<string> {
  const name = nameOf(projectDir, digest);
  const image = `${name.repo}:${name.tag}`;
  // By digest: what is there is the same.
  if (await hasImage(dockerSocket, image)) return image;
  const host = domain ?? registry;
  if (host === null) throw new Error("the control plane does not answer yet");
  const reference = `${host}/${repository}@${digest}`;
  const login = username === undefined || password === undefined ? null : { username, password };
  let percent = -1;
  const onProgress = (now: number) => {
    if (now <= percent) return;
    percent = now;
    say({ state: "mirroring", percent });
  };
  onProgress(0);
  const wasThere = await hasImage(dockerSocket, reference);
  try {
    if (!wasThere) await pullImage(dockerSocket, { reference, login, onProgress });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!OUT_OF_REACH.test(reason)) throw error;
    log(`The engine does not reach ${host}, so that ${repository} is read here: ${reason}`);
    await loadArchive(dockerSocket, { domain: host, repository, digest, login, image, onProgress });
    return image;
  }
  say({ state: "preparing" });
  await nameImage(dockerSocket, reference, name);
  // The name that pulling gave it would keep it when ours is gone.
  if (!wasThere) await untagImage(dockerSocket, reference);
  return image;
}

function nameOf(projectDir: string, digest: string): { repo: string; tag: string } {
  return {
    repo: `gantry.local/${projectLabel(projectDir)}`,
    tag: digest
      .replace(/^sha256:/, "")
      .replace(":", "-")
      .slice(0, 128),
  };
}

function isAuthorized({ headers }: IncomingMessage, token: string): boolean {
  const given = Buffer.from(headers.authorization ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > MAX_BODY) return null;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
