/**
 * Docker Hub on loopback, under the names that it has: its registry with tokens and a place for blobs, and of its own API
 * what a search, a repository and its tags look like there.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { OciLayout } from "../oci-layout.ts";
import { startTokenRegistry, type TokenRegistry } from "../token-registry.ts";
import { pushTree } from "./push.ts";

export interface DockerHub {
  /** Of each name that a container asks, where it is. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly registry: TokenRegistry;
  /** Paths that its API was asked for. */
  readonly asked: readonly string[];
  /** `library/ubuntu` and its like. */
  push(
    layout: OciLayout,
    image: { readonly mediaType: string; readonly digest: string },
    repository: string,
    tag: string,
  ): Promise<void>;
  stop(): Promise<void>;
}

const NAMES = { tokens: "https://auth.docker.io", blobs: "https://production.cloudflare.docker.com" };

export async function startDockerHub(): Promise<DockerHub> {
  const registry = await startTokenRegistry({ anonymous: true, names: NAMES });
  const asked: string[] = [];
  const pushed = new Map<string, string[]>();
  const server = createServer((request, response) => {
    const url = request.url ?? "/";
    asked.push(url);
    const answer = answerTo(new URL(url, "https://hub.docker.com"), pushed);
    response.writeHead(answer === null ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { message: "object not found", errinfo: {} }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    hosts: {
      "registry-1.docker.io": `http://${registry.host}`,
      "auth.docker.io": registry.origins.tokens,
      "production.cloudflare.docker.com": registry.origins.blobs,
      "hub.docker.com": `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    registry,
    asked,
    push: async (layout, image, repository, tag) => {
      await pushTree(layout, image, { host: registry.host, repository, token: registry.token(repository) }, tag);
      pushed.set(repository, [...(pushed.get(repository) ?? []), tag]);
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await registry.stop();
    },
  };
}

/** Of the repositories that were pushed; null: it has none of that. */
function answerTo({ pathname, searchParams }: URL, pushed: ReadonlyMap<string, readonly string[]>): object | null {
  if (pathname === "/v2/search/repositories/") {
    const query = searchParams.get("query") ?? "";
    const names = [...pushed.keys()].filter((name) => query === "*" || name.includes(query));
    return { count: names.length, next: "", previous: "", results: names.map(hit) };
  }
  if (pathname === "/v2/repositories/library/") {
    const official = [...pushed.keys()].filter((name) => name.startsWith("library/"));
    return { count: official.length, next: null, previous: null, results: official.map(repository) };
  }
  const [, name = "", part] = /^\/v2\/repositories\/([^/]+\/[^/]+)\/(tags\/)?$/.exec(pathname) ?? [];
  const tags = pushed.get(name);
  if (tags === undefined) return null;
  if (part === undefined) return repository(name);
  return { count: tags.length, next: null, previous: null, results: tags.map(tagOf) };
}

const hit = (name: string) => ({
  repo_name: name.replace(/^library\//, ""),
  short_description: `What ${name} is`,
  star_count: 17_000,
  pull_count: 4_000_000_000,
  repo_owner: "",
  is_automated: false,
  is_official: name.startsWith("library/"),
});

const repository = (name: string) => ({
  user: name.split("/")[0],
  name: name.split("/")[1],
  namespace: name.split("/")[0],
  repository_type: "image",
  status: 1,
  status_description: "active",
  description: `What ${name} is`,
  is_private: false,
  is_automated: false,
  star_count: 17_000,
  pull_count: 4_000_000_000,
  last_updated: "2026-11-01T00:00:00.000000Z",
  full_description: `# ${name}`,
});

const tagOf = (name: string) => ({
  name,
  full_size: 29_000_000,
  last_updated: "2026-11-01T00:00:00.000000Z",
  tag_status: "active",
  digest: `sha256:${"0".repeat(64)}`,
  images: [{ architecture: "amd64", variant: null, os: "linux", size: 29_000_000, status: "active" }],
});
