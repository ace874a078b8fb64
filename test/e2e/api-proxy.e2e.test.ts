/** api-proxy as its manifest says it: in a container, by HTTPS through egress, to a server that stands in its upstream's place. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ControlPlane, PROJECT_DIR, workloads } from "./control-plane.ts";

const plane = new ControlPlane();
let upstream: Server;
let id: string;
let manifest: { configuration: object } & Record<string, unknown>;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => hash.update(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method, url, headers, sha256: hash.digest("hex") }));
    });
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  await plane.start({
    GANTRY_EGRESS_CONNECT_TO: JSON.stringify({ "jsonplaceholder.typicode.com": `http://127.0.0.1:${port}` }),
  });
  manifest = JSON.parse(await readFile(join(PROJECT_DIR, "containers/api-proxy/application.json"), "utf8"));
  id = await plane.create("api-proxy", manifest);
});

afterAll(async () => {
  await plane.stop();
  upstream.closeAllConnections();
  upstream.close();
});

describe("api-proxy", () => {
  it("runs no container before it is called, and then answers", async ({ expect }) => {
    expect(await plane.instances(id)).toEqual([]);
    const { status, body } = await plane.ingress("api-proxy", "/health");
    expect([status, JSON.parse(body)]).toMatchObject([200, { status: "healthy" }]);
    expect(await workloads()).toHaveLength(1);
  });

  it("asks its upstream by HTTPS, without what is the caller's own", async ({ expect }) => {
    const headers = { authorization: "Bearer of-the-caller", cookie: "a=b", accept: "application/json" };
    const { status, body, headers: told } = await plane.ingress("api-proxy", "/api/posts/1?userId=2", { headers });
    const asked = JSON.parse(body);
    expect([status, asked.method, asked.url]).toEqual([200, "GET", "/posts/1?userId=2"]);
    expect(asked.headers).toMatchObject({ "x-forwarded-proto": "https", accept: "application/json" });
    for (const name of ["authorization", "cookie", "cf-connecting-ip"]) expect(asked.headers).not.toHaveProperty(name);
    expect(told["access-control-allow-origin"]).toBe("*");
  });

  it("carries bodies of bytes whole", async ({ expect }) => {
    const bytes = randomBytes(5 * 1_048_576);
    const { body } = await plane.ingress("api-proxy", "/api/posts", { method: "POST", body: bytes });
    expect(JSON.parse(body).sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("says which host its policy lacks", async ({ expect }) => {
    const upstreams = JSON.stringify({ "/api": { url: "https://api.elsewhere.test" } });
    const variables = [{ name: "API_PROXY_UPSTREAMS", value: upstreams }];
    const configuration = { ...manifest.configuration, environment_variables: variables };
    await plane.create("other", { ...manifest, name: "other", configuration });
    const { status, body } = await plane.ingress("other", "/api/x");
    expect([status, JSON.parse(body).error]).toMatchObject([
      502,
      { code: "UPSTREAM_NOT_ALLOWED", reason: "EGRESS_DENIED" },
    ]);
  });
});
