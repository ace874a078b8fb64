/** What becomes of the secrets, whatever becomes of the deployment. */
import { readFile, stat } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "vitest";
import { type RecordedApi, startRecordedApi } from "./recorded-api.ts";
import { makeProject, pretendWrangler, type Project, runDeploy, type RunOptions } from "./recorded-run.ts";
import { withSecretsFile } from "./secrets.ts";

const TOKEN = "a-token-of-my-own-with-enough-characters";

describe("secrets of a deployment", () => {
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
  const run = (options: RunOptions = {}) => runDeploy(project, api, { deployWorker: pretendWrangler(api), ...options });

  it("are shown when they were stored although the deployment failed after it", async ({ expect }) => {
    const failing = pretendWrangler(api, { ok: false, reason: "wrangler ended with 1" });
    const { output, error } = await run({ deployWorker: failing });
    expect(String(error)).toContain("wrangler ended with 1; what was created stays");
    expect(output).toMatch(/GANTRY_ADMIN_TOKEN, shown this once/);
  });

  it("are not shown when the deployment failed before they were stored", async ({ expect }) => {
    const { output, error } = await run({ deployWorker: async () => ({ ok: false, reason: "wrangler ended with 1" }) });
    expect(String(error)).toContain("wrangler ended with 1");
    expect(output).not.toContain("shown this once");
  });

  it("do not replace those that another run stored since the plan", async ({ expect }) => {
    const confirm = async () => {
      api.account.scripts["gantry-staging"] = { secrets: [{ name: "GANTRY_ADMIN_TOKEN", type: "secret_text" }] };
      return true;
    };
    const args = ["--env", "staging", "--containers-rollout", "none"];
    const { output } = await run({ args, confirm });
    expect(output).not.toContain("shown this once");
    expect(api.account.scripts["gantry-staging"]?.secrets.map(({ name }) => name)).toEqual([
      "GANTRY_ADMIN_TOKEN",
      "GANTRY_MASTER_KEY",
    ]);
  });

  it("are taken from the environment variables, and then not shown", async ({ expect }) => {
    let handed = "";
    const { output } = await run({
      variables: { GANTRY_ADMIN_TOKEN: TOKEN, CI: "true" },
      deployWorker: async (deploy) => {
        handed = await readFile(deploy.secretsFile ?? "", "utf8");
        return await pretendWrangler(api)(deploy);
      },
    });
    expect(handed).toContain(`"GANTRY_ADMIN_TOKEN":"${TOKEN}"`);
    expect(output).toContain("secret GANTRY_ADMIN_TOKEN, bearer token of the control API: taken from the environment");
    expect(output).not.toContain(TOKEN);
  });

  it("that are too short to be safe are refused before anything is created", async ({ expect }) => {
    const { error } = await run({ variables: { GANTRY_ADMIN_TOKEN: "x" } });
    expect(String(error)).toContain("GANTRY_ADMIN_TOKEN has 1 characters, at least 32 are needed");
    expect(api.calls()).toEqual([]);
  });

  it("are not generated in CI, where they would stay in the log", async ({ expect }) => {
    const { error } = await run({ variables: { CI: "true" } });
    expect(String(error)).toContain("would stay in the log of this CI run");
    expect(api.calls()).toEqual([]);
  });
});

describe("the secrets file", () => {
  it("can be read by this user only and is gone afterwards", async ({ expect }) => {
    const path = await withSecretsFile(new Map([["A", "b"]]), async (file) => {
      expect((await stat(file ?? "")).mode & 0o777).toBe(0o600);
      return file ?? "";
    });
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
  });

  it("is gone after a failure too", async ({ expect }) => {
    let path = "";
    const failing = withSecretsFile(new Map([["A", "b"]]), async (file) => {
      path = file ?? "";
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
  });
});
