/** The samples as the launcher publishes them, in a project of few files. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { publishSamples } from "../../dev/launcher/templates.ts";
import { TOKEN } from "../contract/server.ts";
import { gantry, newAccount, origin, startPlane, stopPlane } from "./plane.ts";

let project = "";
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "gantry-samples-"));
  await startPlane();
}, 60_000);
afterAll(async () => {
  await stopPlane();
  await rm(project, { recursive: true });
});

async function sample(name: string, version: string): Promise<void> {
  const folder = join(project, "containers", name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: `@gantry/${name}`, version }));
  await writeFile(join(folder, "application.json"), JSON.stringify({ name, configuration: { image: name } }));
}

describe("the samples", () => {
  it("are published once, and again when they are other", async ({ expect }) => {
    const account = await newAccount();
    const plane = { url: origin(), accountId: account.id, token: TOKEN };
    const lines: string[] = [];
    const publish = async () => {
      lines.length = 0;
      await publishSamples(project, plane, (line) => void lines.push(line));
      return lines.map((line) => line.replace(/sha256:[0-9a-f]{64}/, "sha256:…"));
    };
    expect(await publish()).toEqual([]);
    await sample("page", "1.0.0");
    await sample("agent", "1.0.0");
    // What has no application is no sample.
    await mkdir(join(project, "containers/init"));
    expect(await publish()).toEqual([
      "Published the template agent:1.0.0, sha256:….",
      "Published the template page:1.0.0, sha256:….",
    ]);
    expect(await publish()).toEqual([]);
    await sample("page", "1.1.0");
    expect(await publish()).toEqual(["Published the template page:1.1.0, sha256:…."]);
    const { out } = await gantry({ account }, "templates", "list", "--json");
    expect(out.match(/"tags":\[[^\]]*\]/g)).toEqual([
      '"tags":["latest","1.0.0"]',
      '"tags":["latest","1.1.0"]',
      '"tags":["1.0.0"]',
    ]);
  });

  it("that cannot be published are a line, and nothing else", async ({ expect }) => {
    await sample("page", "latest");
    await sample("zoo", "1.0.0");
    const lines: string[] = [];
    const plane = { url: "http://127.0.0.1:1", accountId: "0".repeat(32), token: TOKEN };
    await publishSamples(project, plane, (line) => void lines.push(line));
    const { id: accountId } = await newAccount();
    await publishSamples(project, { ...plane, url: origin(), accountId }, (line) => void lines.push(line));
    expect(lines).toEqual([
      expect.stringMatching(/^Could not publish the templates: .*http:\/\/127\.0\.0\.1:1 does not answer/),
      expect.stringMatching(/^Published the template agent:1\.0\.0, /),
      expect.stringMatching(/^Could not publish the template page: version latest: must be a tag/),
      expect.stringMatching(/^Published the template zoo:1\.0\.0, /),
    ]);
  });
});
