/** The SDK's client and its definitions, on the real control API. */
import { exports } from "cloudflare:workers";
import { describe, it } from "vitest";
import { createClient, type Client } from "../../src/sdk/client/index.ts";
import { toApplication } from "../../src/sdk/definition/application.ts";
import { defineContainer } from "../../src/sdk/definition/define-container.ts";
import { ACCOUNT_ID } from "./client.ts";

const gantry = (options: { token?: string; accountId?: string } = {}): Client =>
  createClient({
    baseUrl: "http://control.test",
    token: "test-token",
    fetch: async (request) => await exports.default.fetch(request),
    ...options,
  });

const uniqueName = () => `sdk-${crypto.randomUUID().slice(0, 8)}`;

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.concurrent("a definition", () => {
  it("is an application after one write, and no other after a second", async ({ expect }) => {
    const client = gantry();
    const name = uniqueName();
    const web = defineContainer({
      image: { name: "hello-world" },
      name,
      defaultPort: 8_080,
      instanceType: "lite",
      maxInstances: 3,
      instances: 1,
      sleepAfter: "5m",
      hardTimeout: "1h",
      env: { MODE: "fast" },
      entrypoint: ["node", "/app/server.js"],
      labels: { team: "media" },
      readyOn: [{ path: "/ready", status: 200 }],
      pingEndpoint: "ping",
      rollout: { gracePeriodSeconds: 0 },
      ingress: "token",
    });
    const write = { params: { id: name }, body: toApplication("web", web) };
    const first = await client.request("PUT /applications/{id}", write);
    expect(first.status).toBe(201);
    const second = await client.request("PUT /applications/{id}", write);
    expect(second.result).toMatchObject({ name, version: 1, instances: 1, named_instances: 2, max_instances: 3 });
  });

  it("that scales by itself is taken", async ({ expect }) => {
    const name = uniqueName();
    const autoscaling = { min: 0, max: 2, targetConcurrency: 10, idleAfter: "20m" };
    const web = defineContainer({ image: { name: "hello-world" }, name, maxInstances: 4, autoscaling });
    const write = { params: { id: name }, body: toApplication("web", web) };
    const { result } = await gantry().request("PUT /applications/{id}", write);
    expect(result).toMatchObject({
      autoscaling: { min: 0, max: 2, target_concurrency: 10, idle_after: 1_200 },
      named_instances: 2,
    });
  });
});

describe.concurrent("the client", () => {
  it("reads and writes with ETags, in the token's account and in the one that it names", async ({ expect }) => {
    const client = gantry({ accountId: ACCOUNT_ID });
    const name = uniqueName();
    const body = { name, instances: 0, configuration: { image: "hello-world" } };
    const made = await client.request("POST /applications", { body, idempotencyKey: name });
    const again = await client.request("POST /applications", { body, idempotencyKey: name });
    expect(again.result.id).toBe(made.result.id);
    const params = { id: name };
    const read = await gantry().request("GET /applications/{id}", { params });
    expect(read.etag).not.toBeNull();
    const ifMatch = read.etag ?? "";
    await client.request("PATCH /applications/{id}", { params, body: { max_instances: 2 }, ifMatch });
    const late = client.request("PATCH /applications/{id}", { params, body: { max_instances: 3 }, ifMatch });
    expect(await failureOf(late)).toMatchObject({ code: "PRECONDITION_FAILED", status: 412, retryable: false });
    await client.request("DELETE /applications/{id}", { params });
    expect(await failureOf(client.request("GET /applications/{id}", { params }))).toMatchObject({
      code: "APPLICATION_NOT_FOUND",
      status: 404,
    });
  });

  it("reads lists to their end", async ({ expect }) => {
    const client = gantry();
    const names = Array.from({ length: 3 }, uniqueName);
    for (const name of names) {
      const labels = [{ name: "suite", value: "pages" }];
      const body = { name, instances: 0, configuration: { image: "hello-world", labels } };
      await client.request("POST /applications", { body });
    }
    const seen: string[] = [];
    const query = { per_page: 1, label: ["suite=pages"] };
    for await (const { name } of client.items("GET /applications", { query })) seen.push(name);
    expect(seen.toSorted()).toEqual(names.toSorted());
  });

  it("is told what is wrong by field, and who may not", async ({ expect }) => {
    const body = { name: "Not A Name", instances: 0, configuration: { image: "hello-world" } };
    const wrong = await failureOf(gantry().request("POST /applications", { body }));
    expect(wrong).toMatchObject({
      code: "VALIDATE_INPUT",
      status: 400,
      details: { name: expect.any(String), request_id: expect.any(String) },
    });
    const stranger = gantry({ token: "nobody", accountId: ACCOUNT_ID });
    expect(await failureOf(stranger.request("GET /applications"))).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
  });

  it("watches events as they come", async ({ expect }) => {
    const client = gantry();
    const name = uniqueName();
    await client.request("POST /applications", {
      body: { name, instances: 0, configuration: { image: "hello-world" } },
    });
    const response = await client.stream("GET /applications/{id}/events", { params: { id: name } });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBeTruthy();
    await reader?.cancel();
  });
});
