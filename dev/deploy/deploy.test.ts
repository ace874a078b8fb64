/** The process that `npm run deploy` starts, on this project's own wrangler.jsonc. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { RECORDED_ACCOUNT_ID, RECORDED_TOKEN, type RecordedApi, startRecordedApi } from "./recorded-api.ts";

describe("npm run deploy", { timeout: 30_000 }, () => {
  let api: RecordedApi;
  beforeEach(async () => {
    api = await startRecordedApi("empty");
  });
  afterEach(() => api.close());

  const run = (args: readonly string[], variables: Record<string, string> = {}) =>
    start(args, {
      CLOUDFLARE_API_TOKEN: RECORDED_TOKEN,
      CLOUDFLARE_ACCOUNT_ID: RECORDED_ACCOUNT_ID,
      CLOUDFLARE_API_BASE_URL: api.baseUrl,
      ...variables,
    });

  it("plans this project's deployment and ends 0", async ({ expect }) => {
    const { code, stdout } = await run(["--env", "production", "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toContain("create  secret GANTRY_ADMIN_TOKEN");
    expect(stdout).toContain("create  R2 bucket gantry-registry-production (REGISTRY_BLOBS)");
    expect(stdout).toContain("create  R2 bucket gantry-samples-production (SAMPLES_R2)");
    expect(stdout).toContain("create  KV namespace gantry-samples-kv-production (SAMPLES_KV)");
    expect(stdout).toContain(
      "deploy  Worker gantry-production (new), container application gantry-instances-production",
    );
    expect(api.calls()).toEqual([]);
  });

  it("ends 1 with one line when there is no terminal to ask", async ({ expect }) => {
    const { code, stderr } = await run(["--env", "staging"]);
    expect(code).toBe(1);
    expect(stderr).toBe("deploy: there is no terminal to ask for confirmation: add --yes to carry the plan out\n");
  });

  it("ends 1 with one line when Cloudflare refuses", async ({ expect }) => {
    const { code, stderr } = await run(["--env", "staging"], { CLOUDFLARE_API_TOKEN: "other" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^deploy: GET \S+ failed: Invalid API Token .*\n$/);
  });

  it("ends 1 with one line when a credential is missing", async ({ expect }) => {
    const { code, stderr } = await run(["--env", "staging"], { CLOUDFLARE_API_TOKEN: "" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^deploy: CLOUDFLARE_API_TOKEN is not set: .*\n$/);
  });
});

async function start(args: readonly string[], variables: Record<string, string>) {
  const path = join(import.meta.dirname, "deploy.ts");
  const child = spawn(process.execPath, [path, ...args], {
    env: { ...process.env, CI: "", ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
