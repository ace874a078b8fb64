/**
 * Registries and a loader of images, as the control plane asks them: in memory, in place of everything that it fetches.
 * The loader names whatever it loads as the image that the fake container boots.
 */
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { digestOfBytes, type Digest } from "../../src/registry/oci/digest.ts";

const LOADER = "http://loader.images.example.com";
const TOKEN = "loader-token";
export const LOADED = "local/hello-world:1";

interface Line {
  readonly [field: string]: string | number | boolean;
}

const READY: Line = { state: "ready", image: LOADED };

export class ImagesWorld {
  /** `domain/repository:tag` → bytes. */
  readonly #tags = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #manifests = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Domains that want a login, that do not answer, and those that are too slow. */
  readonly locked = new Set<string>();
  readonly dead = new Set<string>();
  readonly silent = new Set<string>();
  /** What the loader was asked to load and to remove, in order. */
  readonly loads: Record<string, unknown>[] = [];
  readonly removals: string[] = [];
  /** What it says, each load anew. */
  lines: () => readonly Line[] = () => [
    { state: "mirroring", percent: 0 },
    { state: "mirroring", percent: 60 },
    { state: "preparing" },
    READY,
  ];
  /** The last line waits for it. */
  held: Promise<void> = Promise.resolve();

  constructor() {
    const known = env as unknown as Record<string, string>;
    known["GANTRY_IMAGE_LOADER_URL"] = LOADER;
    known["GANTRY_IMAGE_LOADER_TOKEN"] = TOKEN;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      return request.url.startsWith(LOADER) ? await this.#loader(request) : await this.#registry(request);
    });
  }

  /** A manifest of its own each time. */
  async push(domain: string, repository: string, tag: string): Promise<Digest> {
    const manifest = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${"0".repeat(64)}`, size: 2 },
      layers: [],
      annotations: { nonce: crypto.randomUUID() },
    };
    const bytes = Uint8Array.from(new TextEncoder().encode(JSON.stringify(manifest)));
    return await this.#keep(bytes, domain, repository, tag);
  }

  /** The very same manifest in another registry. */
  async copy(from: string, domain: string, repository: string, tag: string): Promise<Digest> {
    const bytes = this.#tags.get(`${from}/${repository}:${tag}`);
    if (bytes === undefined) throw new Error(`${from} has no ${repository}:${tag}`);
    return await this.#keep(bytes, domain, repository, tag);
  }

  async #keep(bytes: Uint8Array<ArrayBuffer>, domain: string, repository: string, tag: string): Promise<Digest> {
    const digest = await digestOfBytes("sha256", bytes);
    this.#tags.set(`${domain}/${repository}:${tag}`, bytes);
    this.#manifests.set(`${domain}/${repository}@${digest}`, bytes);
    return digest;
  }

  async #registry(request: Request): Promise<Response> {
    const { host, pathname } = new URL(request.url);
    if (this.dead.has(host)) throw new TypeError("Network connection lost.");
    if (this.silent.has(host)) return await new Promise<Response>(() => undefined);
    if (this.locked.has(host)) {
      return new Response("{}", { status: 401, headers: { "www-authenticate": 'Basic realm="a registry"' } });
    }
    const [, repository, reference = ""] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(pathname) ?? [];
    const name = `${host}/${repository}`;
    const bytes = this.#tags.get(`${name}:${reference}`) ?? this.#manifests.get(`${name}@${reference}`);
    if (bytes === undefined) {
      return Response.json({ errors: [{ code: "MANIFEST_UNKNOWN", message: "no such manifest" }] }, { status: 404 });
    }
    const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
    return new Response(request.method === "HEAD" ? null : bytes, { headers });
  }

  async #loader(request: Request): Promise<Response> {
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return new Response(null, { status: 401 });
    if (request.method === "DELETE") {
      this.removals.push(new URL(request.url).pathname.slice("/images/".length));
      return new Response(null, { status: 204 });
    }
    this.loads.push(await request.json());
    const lines = this.lines();
    const { held } = this;
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const [index, line] of lines.entries()) {
          if (index === lines.length - 1) await held;
          controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        }
        controller.close();
      },
    });
    return new Response(body);
  }
}

export const newDomain = () => `r${crypto.randomUUID().slice(0, 8)}.example.com`;
