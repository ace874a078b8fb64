/**
 * The real wrangler, deploying to the recorded Cloudflare API. Building and pushing an image takes a Docker engine and a
 * registry, which a recording cannot stand for: images are left alone (`--containers-rollout none`) or, where a test is
 * about the container application, are already in the registry. Everything else of a deployment is what wrangler really
 * sends: upload with secrets, image preparation, application, workers.dev, queue consumers.
 */
import { afterEach, beforeEach, describe, it } from "vitest";
import { RECORDED_ACCOUNT_ID, type RecordedApi, startRecordedApi } from "./recorded-api.ts";
import { makeProject, type Project, PROJECT, runDeploy } from "./recorded-run.ts";
import { readOutput } from "./wrangler.ts";

const PUSHED_IMAGE = `registry.cloudflare.com/${RECORDED_ACCOUNT_ID}/hello-world@sha256:${"a".repeat(64)}`;
const UPLOAD = "PUT /workers/scripts/gantry-staging";

describe("deploying with wrangler", { timeout: 60_000 }, () => {
  let project: Project;
  let api: RecordedApi;

  beforeEach(async () => {
    project = await makeProject();
    api = await startRecordedApi("empty");
  });
  afterEach(async () => {
    await api.close();
    await project.remove();
  });
  const uploads = () => api.requests.filter(({ method, path }) => `${method} ${path}` === UPLOAD);

  it("uploads the Worker with its bindings and secrets, twice with the secrets of the first time", async ({
    expect,
  }) => {
    const first = await runDeploy(project, api);
    expect(first.error).toBeUndefined();
    expect(first.output).toContain("Deployed gantry-staging, version 9f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0");
    expect(first.output).toContain("gantry-staging.example.workers.dev");
    const token = /shown this once, keep it:\n\n {2}(\S+)/.exec(first.output)?.[1];
    expect(uploads()[0]?.body).toMatchObject({
      bindings: expect.arrayContaining([
        { name: "GANTRY_ADMIN_TOKEN", type: "secret_text", text: token },
        { name: "GANTRY_MASTER_KEY", type: "secret_text", text: expect.stringMatching(/^[\w-]{43}$/) },
        { name: "REGISTRY", type: "r2_bucket", bucket_name: "gantry-registry-staging" },
        { name: "CACHE", type: "kv_namespace", namespace_id: api.account.namespaces[1]?.id },
        { name: "TASKS", type: "queue", queue_name: "gantry-tasks-staging" },
        { name: "GANTRY_DEFAULT_INGRESS", type: "plain_text", text: "private" },
      ]),
      containers: [{ class_name: "Instance", name: "gantry-instances-staging" }],
    });
    expect(api.account.queues.find(({ queue_name }) => queue_name === "gantry-tasks-staging")?.consumers).toMatchObject(
      [{ script_name: "gantry-staging", dead_letter_queue: "gantry-tasks-dead-staging" }],
    );

    const second = await runDeploy(project, api);
    expect(second.error).toBeUndefined();
    expect(second.output).toContain("nothing to create");
    expect(uploads()[1]?.body).toMatchObject({
      bindings: expect.arrayContaining([{ name: "GANTRY_ADMIN_TOKEN", type: "inherit" }]),
    });
    expect(uploads()).toHaveLength(2);
    expect(api.unknown).toEqual([]);
  });

  it("fails when the upload is refused, and converges when it is tried again", async ({ expect }) => {
    api.intercept(UPLOAD, 1, () => "permission denied");
    const failed = await runDeploy(project, api);
    expect(String(failed.error)).toContain("wrangler ended with 1");
    expect(failed.output).not.toContain("shown this once");
    const again = await runDeploy(project, api);
    expect(again.error).toBeUndefined();
    expect(again.output).toContain("shown this once");
  });

  it("shows the token of a Worker that was uploaded but could not be published", async ({ expect }) => {
    api.intercept("POST /workers/scripts/gantry-staging/subdomain", 1, () => "permission denied");
    const { output, error } = await runDeploy(project, api);
    expect(String(error)).toContain("wrangler ended with 1");
    expect(output).toContain("GANTRY_ADMIN_TOKEN, shown this once");
  });

  it("makes the container application, in a second run if the first one could not", async ({ expect }) => {
    await project.remove();
    project = await makeProject(PROJECT.replace(/"dockerfile": "[^"]+"/, `"image": "${PUSHED_IMAGE}"`));
    const args = ["--env", "staging", "--yes"];
    api.intercept("POST /containers/applications", 1, () => "no capacity");
    const failed = await runDeploy(project, api, { args });
    expect(String(failed.error)).toContain("wrangler ended with 1");
    expect(failed.output).toContain("GANTRY_ADMIN_TOKEN, shown this once");
    const again = await runDeploy(project, api, { args });
    expect(again.error).toBeUndefined();
    expect(again.output).toContain(
      "deploy  Worker gantry-staging, container application gantry-instances-staging (new)",
    );
    expect(again.output).not.toContain("shown this once");
    expect(api.account.applications).toMatchObject([
      { name: "gantry-instances-staging", scheduling_policy: "durable_object" },
    ]);
  });
});

const entry = (versionId: string | null) => JSON.stringify({ type: "deploy", version_id: versionId, targets: ["a"] });

describe("wrangler's output file", () => {
  it("tells version and addresses", ({ expect }) => {
    expect(readOutput(`{"type":"wrangler-session"}\n${entry("v")}\n`)).toEqual({
      ok: true,
      versionId: "v",
      targets: ["a"],
    });
  });

  it.for(["", "garbage", entry(null)])("without a deployed version is a failure: %j", (text, { expect }) => {
    expect(readOutput(text)).toMatchObject({ ok: false });
  });
});
