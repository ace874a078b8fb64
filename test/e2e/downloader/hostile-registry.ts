/** A registry, and Docker Hub's API beside it, that say markup wherever they may say a text. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { OCI } from "../oci-layout.ts";

/** Each would set `hacked` if it ran. */
export const MARKUP = [
  `<img src=x onerror="globalThis.hacked=1">`,
  `<script>globalThis.hacked=1</script>`,
  `"><svg onload=globalThis.hacked=1>`,
  `'-(globalThis.hacked=1)-'`,
  `javascript:globalThis.hacked=1`,
].join(" ");

export interface HostileRegistry {
  readonly host: string;
  stop(): Promise<void>;
}

export async function startHostileRegistry(): Promise<HostileRegistry> {
  const blobs = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  const add = (bytes: Buffer, type: string) => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    blobs.set(digest, { bytes, type });
    return { mediaType: type, digest, size: bytes.length };
  };
  const tar = Buffer.alloc(1_024);
  const layer = add(gzipSync(tar), `${OCI.layer}+gzip`);
  const config = {
    os: "linux",
    architecture: "amd64",
    created: MARKUP,
    author: MARKUP,
    config: { Labels: { "org.opencontainers.image.title": MARKUP }, Cmd: [MARKUP] },
    rootfs: { type: "layers", diff_ids: [`sha256:${createHash("sha256").update(tar).digest("hex")}`] },
    history: [{ created: MARKUP, created_by: MARKUP, comment: MARKUP }],
  };
  const manifest = add(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI.manifest,
        config: add(Buffer.from(JSON.stringify(config)), OCI.config),
        layers: [layer],
        annotations: { title: MARKUP },
      }),
    ),
    OCI.manifest,
  );
  const hit = { star_count: 1, pull_count: 1, is_official: true, is_automated: false };
  const answers: Readonly<Record<string, object>> = {
    "/v2/": {},
    "/v2/_catalog": { repositories: ["team/web", MARKUP, `team/${MARKUP}`] },
    "/v2/team/web/tags/list": { name: "team/web", tags: ["latest", MARKUP, `v1${MARKUP}`] },
    "/v2/search/repositories/": {
      results: [
        { ...hit, repo_name: "team/nice", short_description: MARKUP },
        { ...hit, repo_name: MARKUP, short_description: MARKUP },
      ],
    },
    "/v2/repositories/library/": {
      results: [{ ...hit, namespace: "library", name: "popular", description: MARKUP }],
    },
    "/v2/repositories/team/nice/": { description: MARKUP, full_description: MARKUP, ...hit },
    "/v2/repositories/library/hello-world/": { description: MARKUP, ...hit },
    "/v2/repositories/team/nice/tags/": { count: 2, next: null, results: [{ name: MARKUP }, { name: "latest" }] },
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://self");
    const wanted = pathname.split("/").at(-1) ?? "";
    const blob = blobs.get(wanted === "latest" ? manifest.digest : wanted);
    const answer = Object.hasOwn(answers, pathname) ? answers[pathname] : undefined;
    if (blob !== undefined && answer === undefined) {
      response.writeHead(200, { "content-type": blob.type, "content-length": blob.bytes.length });
      response.end(request.method === "HEAD" ? undefined : blob.bytes);
      return;
    }
    response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
    const none = { errors: [{ code: "NAME_UNKNOWN", message: MARKUP, detail: MARKUP }], message: MARKUP };
    response.end(JSON.stringify(answer ?? none));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
