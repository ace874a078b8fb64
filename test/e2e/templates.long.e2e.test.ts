/** `npm start` publishes the samples, so that the first thing a new user lists is there, and a project can begin with each. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually, PROJECT_DIR } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const plane = new LaunchedPlane({ templates: "on" });
const SAMPLES = ["api-proxy", "claude-agent", "downloader", "hello-world"];
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-templates-"));
  await plane.start();
  await eventually(async () => SAMPLES.every((name) => plane.output.includes(`Published the template ${name}:`)));
}, 300_000);
afterAll(async () => {
  await plane.remove();
  await rm(folder, { recursive: true });
});

async function gantry(...args: string[]): Promise<string> {
  const env = { ...process.env, GANTRY_URL: `http://127.0.0.1:${plane.port}`, GANTRY_TOKEN: await plane.token() };
  const run = promisify(execFile)("npm", ["run", "-s", "gantry", "--", ...args], { cwd: PROJECT_DIR, env });
  return (await run).stdout;
}

describe("npm start", () => {
  it("has the samples as templates, under the digests that it prints", async ({ expect }) => {
    const list = await gantry("templates", "list");
    for (const name of SAMPLES) {
      const digest = new RegExp(`Published the template ${name}:\\S+, (sha256:[0-9a-f]{64})\\.`).exec(
        plane.output,
      )?.[1];
      expect(list).toContain(digest ?? "a digest");
    }
    expect(plane.output).not.toContain("Could not publish");
  });

  it.for(SAMPLES)("begins a project with %s that has all that its image is made of", async (name, { expect }) => {
    const project = join(folder, name);
    await gantry("init", project, "--template", name, "--name", "mine");
    expect(await readFile(join(project, "gantry.yaml"), "utf8")).toContain("mine");
    const dockerfile = await readFile(join(project, "Dockerfile"), "utf8");
    const copied = [...dockerfile.matchAll(/^COPY (\S+) /gm)].map(([, path]) => join(project, path ?? ""));
    expect(copied.length).toBeGreaterThan(0);
    for (const path of copied) expect((await stat(path)).isFile()).toBe(true);
    const said = await gantry("diff", "-f", join(project, "gantry.yaml"));
    expect(said).toContain("mine");
  });
});
