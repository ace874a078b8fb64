/** The command against the recorded Cloudflare API, with wrangler pretended: what it reads, creates, says and refuses. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { type RecordedApi, startRecordedApi } from "./recorded-api.ts";
import { makeProject, pretendWrangler, type Project, runDeploy, type RunOptions } from "./recorded-run.ts";

const CREATED = [
  "POST /r2/buckets",
  "POST /storage/kv/namespaces",
  "POST /queues gantry-tasks-dead-staging",
  "POST /queues gantry-tasks-staging",
];

describe("deploy", () => {
  let project: Project;
  let api: RecordedApi;

  beforeEach(async () => {
    project = await makeProject();
  });
  afterEach(async () => {
    await api.close();
    await project.remove();
  });

  const start = async (fixture: "empty" | "half" | "full", perPage = 100) => {
    api = await startRecordedApi(fixture, { perPage });
  };
  const run = (options: RunOptions = {}) => runDeploy(project, api, { deployWorker: pretendWrangler(api), ...options });
  const created = () =>
    api.requests
      .filter(({ method }) => method === "POST")
      .map(({ method, path, body }) => `${method} ${path}${path === "/queues" ? ` ${queueName(body)}` : ""}`);

  it("creates what an empty account lacks and shows the admin token once", async ({ expect }) => {
    await start("empty");
    const first = await run();
    expect(first.error).toBeUndefined();
    expect(created()).toEqual(CREATED);
    expect(first.output).toContain("create  KV namespace gantry-cache-staging (CACHE)");
    expect(first.output).toMatch(/GANTRY_ADMIN_TOKEN, shown this once, keep it:\n\n {2}[\w-]{43}\n/);
    expect(first.output).not.toMatch(/GANTRY_MASTER_KEY, shown/);
    expect(first.output).toContain("gantry-staging.example.workers.dev");
  });

  it("has nothing to create the second time, deploys, and shows no token", async ({ expect }) => {
    await start("empty");
    await run();
    const before = created().length;
    const second = await run();
    expect(second.error).toBeUndefined();
    expect(created()).toHaveLength(before);
    expect(second.output).toContain("nothing to create");
    expect(second.output).toContain("Deployed gantry-staging, version 9f1c2d3e");
    expect(second.output).not.toContain("shown this once");
  });

  it("finds what exists on later pages", async ({ expect }) => {
    await start("full", 1);
    const { output, error } = await run();
    expect(error).toBeUndefined();
    expect(api.calls()).toEqual([]);
    expect(output).toContain("exists  secret GANTRY_ADMIN_TOKEN, left as it is");
    expect((await project.generated()).kv_namespaces).toEqual([
      { binding: "CACHE", id: "0f2ac74b498b48028cb68387c421e279" },
    ]);
  });

  it("completes a half-made account", async ({ expect }) => {
    await start("half");
    expect((await run()).error).toBeUndefined();
    expect(created()).toEqual(["POST /storage/kv/namespaces", "POST /queues gantry-tasks-staging"]);
  });

  it("goes on where a failure stopped it", async ({ expect }) => {
    await start("empty");
    api.intercept("POST /queues", 1, () => "permission denied");
    const failed = await run();
    expect(String(failed.error)).toMatch(/POST \/queues failed: Authentication error .*"Queues: Edit"/);
    expect(failed.output).not.toContain("shown this once");
    expect((await run()).error).toBeUndefined();
    expect(created()).toEqual([...CREATED.slice(0, 3), ...CREATED.slice(2)]);
  });

  it("takes what somebody else created meanwhile for its own", async ({ expect }) => {
    await start("empty");
    api.intercept("POST /storage/kv/namespaces", 1, ({ namespaces }) => {
      namespaces.push({ id: "made-by-another-run", title: "gantry-cache-staging" });
      return "namespace exists";
    });
    api.intercept("POST /r2/buckets", 1, ({ buckets }) => {
      buckets.push({ name: "gantry-registry-staging" });
      return "bucket exists";
    });
    expect((await run()).error).toBeUndefined();
    expect((await project.generated()).kv_namespaces?.[0]?.id).toBe("made-by-another-run");
  });

  it("fails with Cloudflare's reason when a create is refused for another one", async ({ expect }) => {
    await start("empty");
    api.intercept("POST /storage/kv/namespaces", 1, () => "namespace limit");
    expect(String((await run()).error)).toMatch(/POST \/storage\/kv\/namespaces failed: the namespace limit.*10011/);
  });

  it("creates once when the answer to a create is lost", async ({ expect }) => {
    await start("half");
    api.intercept("POST /queues", 1, ({ queues }) => {
      queues.push({ queue_id: "q", queue_name: "gantry-tasks-staging", consumers: [] });
      return "server error";
    });
    expect((await run()).error).toBeUndefined();
    expect(api.account.queues.map(({ queue_name }) => queue_name)).toEqual([
      "gantry-tasks-dead-staging",
      "gantry-tasks-staging",
    ]);
  });

  it("creates nothing in an account without Containers", async ({ expect }) => {
    await start("empty");
    api.intercept("GET /containers/dash/applications", 1, () => "no containers");
    expect(String((await run()).error)).toContain("the account has no Containers");
    expect(api.calls()).toEqual([]);
  });

  it("creates nothing in an account without R2, and says where it is enabled", async ({ expect }) => {
    await start("empty");
    api.intercept("GET /r2/buckets/gantry-registry-staging", 1, () => "r2 not enabled");
    const { error } = await run();
    expect(String(error)).toContain("the account has no R2");
    expect(String(error)).toContain("https://dash.cloudflare.com/0123456789abcdef0123456789abcdef/r2/overview");
    expect(String(error)).not.toContain("permission");
    expect(api.calls()).toEqual([]);
    api.intercept("POST /r2/buckets", 1, () => "r2 not enabled");
    expect(String((await run()).error)).toContain("the account has no R2");
    // What was not made then is made by the next run.
    expect((await run()).error).toBeUndefined();
    expect(api.account.buckets).toMatchObject([{ name: "gantry-registry-staging" }]);
  });

  it("changes nothing in a dry run", async ({ expect }) => {
    await start("empty");
    const { output, error } = await run({ args: ["--env", "staging", "--dry-run"] });
    expect(error).toBeUndefined();
    expect(output).toContain("create  R2 bucket gantry-registry-staging");
    expect(output).toContain("Dry run: nothing was changed.");
    expect(api.calls()).toEqual([]);
  });

  it("changes nothing without a terminal and without --yes", async ({ expect }) => {
    await start("empty");
    const { error } = await run({ args: ["--env", "staging"] });
    expect(String(error)).toContain("add --yes");
    expect(api.calls()).toEqual([]);
  });

  it("changes nothing when the person says no", async ({ expect }) => {
    await start("empty");
    const { output, error } = await run({ args: ["--env", "staging"], confirm: async () => false });
    expect(error).toBeUndefined();
    expect(output).toContain("Nothing was changed.");
    expect(api.calls()).toEqual([]);
  });

  it.for([
    ["no Docker engine answers", "exit 1"],
    ["this Docker has no buildx", '[ "$1" = info ]'],
  ] as const)("creates nothing when images are to be built and %s", async ([problem, script], { expect }) => {
    await start("empty");
    const docker = join(project.root, "docker");
    await writeFile(docker, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const { error } = await run({ args: ["--env", "staging", "--yes"], variables: { WRANGLER_DOCKER_BIN: docker } });
    expect(String(error)).toContain(problem);
    expect(api.calls()).toEqual([]);
  });

  it("bundles the workloads before wrangler builds their images", async ({ expect }) => {
    await start("full");
    const workload = join(project.root, "containers", "hello-world");
    await writeFile(join(workload, "server.ts"), "console.log('hello' as string);");
    const variables = { WRANGLER_DOCKER_BIN: "true" };
    const { error } = await run({ args: ["--env", "staging", "--yes"], variables });
    expect(error).toBeUndefined();
    expect(await readFile(join(workload, "dist", "server.js"), "utf8")).toContain("hello");
  });
});

function queueName(body: unknown): string {
  return typeof body === "object" && body !== null && "queue_name" in body ? String(body.queue_name) : "";
}
