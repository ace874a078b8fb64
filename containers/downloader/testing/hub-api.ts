/**
 * Docker Hub's API cannot be reached from where tests run: this answers in its shapes, with the fields that its real answers
 * have. What it is asked is kept; while it is `away` it fails as a gateway in front of it does.
 */
import { serveTest, type TestServer } from "./http-server.ts";

export interface HubApi extends TestServer {
  /** Paths with their queries. */
  readonly asked: string[];
  away: boolean;
}

const UBUNTU = {
  user: "library",
  name: "ubuntu",
  namespace: "library",
  repository_type: "image",
  status: 1,
  status_description: "active",
  description: "Ubuntu is a Debian-based Linux operating system based on free software.",
  is_private: false,
  is_automated: false,
  star_count: 17_211,
  pull_count: 3_512_345_678,
  last_updated: "2026-10-12T08:01:44.123456Z",
  full_description: "# Quick reference\n\n-\tMaintained by Canonical",
  permissions: { read: true, write: false, admin: false },
};

const TAG = {
  creator: 7,
  id: 2_343,
  images: [
    { architecture: "amd64", variant: null, digest: `sha256:${"a".repeat(64)}`, os: "linux", size: 29_536_818 },
    { architecture: "arm64", variant: "v8", digest: `sha256:${"b".repeat(64)}`, os: "linux", size: 27_358_417 },
    { architecture: "unknown", variant: null, digest: `sha256:${"c".repeat(64)}`, os: "unknown", size: 0 },
  ],
  last_updated: "2026-10-12T08:01:42.000000Z",
  name: "22.04",
  repository: 130,
  full_size: 29_536_818,
  v2: true,
  tag_status: "active",
  digest: `sha256:${"d".repeat(64)}`,
};

const SEARCH = {
  count: 2,
  next: "",
  previous: "",
  results: [
    {
      repo_name: "ubuntu",
      short_description: "Ubuntu is a Debian-based Linux operating system based on free software.",
      star_count: 17_211,
      pull_count: 3_512_345_678,
      repo_owner: "",
      is_automated: false,
      is_official: true,
    },
    {
      repo_name: "ubuntu/nginx",
      short_description: '<img src=x onerror="alert(1)">',
      star_count: 130,
      pull_count: 9_112_345,
      repo_owner: "",
      is_automated: false,
      is_official: false,
    },
  ],
};

const OFFICIAL = {
  count: 2,
  next: null,
  previous: null,
  results: [
    { ...UBUNTU, name: "alpine", pull_count: 9_876_543_210, full_description: undefined },
    { ...UBUNTU, full_description: undefined },
  ],
};

export async function startHubApi(): Promise<HubApi> {
  const asked: string[] = [];
  const server = await serveTest((request, response) => {
    const url = new URL(request.url ?? "/", "http://hub");
    asked.push(`${url.pathname}${url.search}`);
    const found = api.away ? null : answers[url.pathname];
    response.writeHead(api.away ? 502 : found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? { message: "object not found", errinfo: {} }));
  });
  const api: HubApi = { ...server, asked, away: false };
  return api;
}

const answers: Readonly<Record<string, unknown>> = {
  "/v2/search/repositories/": SEARCH,
  "/v2/repositories/library/": OFFICIAL,
  "/v2/repositories/library/ubuntu/": UBUNTU,
  "/v2/repositories/library/ubuntu/tags/": { count: 1, next: null, previous: null, results: [TAG] },
  "/v2/repositories/library/hello-world/": { ...UBUNTU, name: "hello-world" },
};
