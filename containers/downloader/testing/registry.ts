/** A registry of one image, as small as one can be; with a password if it is given one. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { serveTest, type TestServer } from "./http-server.ts";

export interface TestRegistry extends TestServer {
  /** `GET /v2/team/web/blobs/sha256:…`, of those that were answered. */
  readonly asked: string[];
  readonly layers: readonly string[];
  /** Waited for before a layer is sent. */
  gate: Promise<void>;
}

const OCI = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

export async function startRegistry(password?: {
  readonly user: string;
  readonly password: string;
}): Promise<TestRegistry> {
  const blobs = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  const put = (type: string, bytes: Buffer) => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    blobs.set(digest, { type, bytes });
    return { mediaType: type, digest, size: bytes.length };
  };
  const raw = [noise(300_000, 1), noise(200_000, 2)];
  const layers = raw.map((bytes) => put(OCI.layer, gzipSync(bytes)));
  const image = (architecture: string) => {
    const config = {
      architecture,
      os: "linux",
      created: "2026-01-02T03:04:05Z",
      rootfs: { type: "layers", diff_ids: raw.map(digestOf) },
      history: [{ created_by: "COPY . /" }, { created_by: "RUN make" }],
    };
    const manifest = { schemaVersion: 2, mediaType: OCI.manifest, config: json(put, OCI.config, config), layers };
    return { ...json(put, OCI.manifest, manifest), platform: { os: "linux", architecture } };
  };
  const index = json(put, OCI.index, {
    schemaVersion: 2,
    mediaType: OCI.index,
    manifests: ["amd64", "arm64"].map(image),
  });
  const asked: string[] = [];
  const wanted = `Basic ${Buffer.from(`${password?.user}:${password?.password}`).toString("base64")}`;
  const server = await serveTest((request, response) => {
    void (async () => {
      const { pathname } = new URL(request.url ?? "/", "http://registry");
      if (password !== undefined && request.headers.authorization !== wanted) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end("{}");
        return;
      }
      asked.push(`${request.method} ${pathname}`);
      if (pathname === "/v2/_catalog") return response.end(JSON.stringify({ repositories: ["team/web"] }));
      if (pathname === "/v2/team/web/tags/list") {
        return response.end(JSON.stringify({ name: "team/web", tags: ["1.10", "1.9", "latest"] }));
      }
      const [, kind, target = ""] = /^\/v2\/team\/web\/(manifests|blobs)\/(.+)$/.exec(pathname) ?? [];
      const digest = ["latest", "1.9", "1.10"].includes(target) ? index.digest : target;
      const found = blobs.get(digest);
      if (found === undefined) return response.writeHead(404).end("{}");
      if (kind === "blobs" && found.type === OCI.layer) await registry.gate;
      const [, from] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
      const start = Number(from ?? 0);
      const { length } = found.bytes;
      if (from !== undefined) response.setHeader("content-range", `bytes ${start}-${length - 1}/${length}`);
      response.writeHead(from === undefined ? 200 : 206, {
        "content-type": found.type,
        "content-length": length - start,
        "docker-content-digest": digest,
      });
      return response.end(request.method === "HEAD" ? undefined : found.bytes.subarray(start));
    })();
  });
  const registry: TestRegistry = {
    ...server,
    asked,
    layers: layers.map(({ digest }) => digest),
    gate: Promise.resolve(),
  };
  return registry;
}

type Put = (type: string, bytes: Buffer) => { mediaType: string; digest: string; size: number };

function json(put: Put, type: string, value: object): ReturnType<Put> {
  return put(type, Buffer.from(JSON.stringify(value)));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Bytes that do not become fewer by compression, always the same. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
