/** `npm start` publishes the samples, so that the first thing a new user lists is there. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually, PROJECT_DIR } from "./control-plane.ts";
import { LaunchedPlane } from "./launched-plane.ts";

const plane = new LaunchedPlane({ templates: "on" });

beforeAll(() => plane.start(), 300_000);
afterAll(() => plane.remove());

describe("npm start", () => {
  it("has the samples as templates, under the digests that it prints", async ({ expect }) => {
    const digest = await eventually(async () => {
      return /Published the template hello-world:\S+, (sha256:[0-9a-f]{64})\./.exec(plane.output)?.[1];
    });
    const env = { ...process.env, GANTRY_URL: `http://127.0.0.1:${plane.port}`, GANTRY_TOKEN: await plane.token() };
    const command = ["run", "-s", "gantry", "--", "templates", "list"];
    const { stdout } = await promisify(execFile)("npm", command, { cwd: PROJECT_DIR, env });
    expect(stdout).toContain(digest);
    expect(plane.output).not.toContain("Could not publish");
  });
});
