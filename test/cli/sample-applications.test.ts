/** The samples as the launcher makes applications of them, in a project of few files. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, it } from "vitest";
import type { Api } from "../../cli/api.ts";
import { applySamples, readSamples, samplesToShow } from "../../dev/samples/applications.ts";
import { SampleRecord } from "../../dev/samples/record.ts";
import { storeSecrets } from "../../dev/samples/secrets.ts";
import { newAccount, startPlane, stopPlane } from "./plane.ts";

const HOST = "127.0.0.1:9999";
let project = "";
let state = "";
let api: Api;
const lines: string[] = [];
const log = (line: string) => void lines.push(line);

beforeAll(async () => await startPlane(), 60_000);
afterAll(async () => {
  await stopPlane();
  await rm(project, { recursive: true });
});

beforeEach(async () => {
  lines.length = 0;
  if (project !== "") await rm(project, { recursive: true });
  project = await mkdtemp(join(tmpdir(), "gantry-samples-"));
  state = join(project, "state");
  await writeFile(join(project, "wrangler.jsonc"), '{ "containers": [{ "images": { "hello-world": {} } }] } // all');
  ({ api } = await newAccount());
});

async function sample(name: string, more: object = {}, image = "hello-world"): Promise<void> {
  const folder = join(project, "containers", name);
  await mkdir(folder, { recursive: true });
  const body = { name, instances: 0, configuration: { image }, ...more };
  await writeFile(join(folder, "application.json"), JSON.stringify(body));
}

/** One start: what it shows, and what it makes. */
async function start(): Promise<readonly string[]> {
  lines.length = 0;
  const record = await SampleRecord.open(state);
  const samples = await readSamples(project, HOST);
  const shown = await samplesToShow(api, samples, record);
  await applySamples(api, samples, record, log);
  return shown;
}

async function names(): Promise<string[]> {
  return (await api.list("GET /applications")).map(({ name }) => name).toSorted();
}

describe("a sample", () => {
  it("becomes an application once, and stays deleted", async ({ expect }) => {
    await sample("one");
    await sample("two");
    expect(await start()).toEqual(["one", "two"]);
    expect(lines).toEqual([
      "Made the application one of containers/one.",
      "Made the application two of containers/two.",
    ]);
    await api.once("DELETE /applications/{id}", { params: { id: "one" } });
    expect(await start()).toEqual(["two"]);
    expect([await names(), lines]).toEqual([["two"], []]);
  });

  it("leaves an application of its name alone", async ({ expect }) => {
    await api.once("POST /applications", {
      body: {
        name: "one",
        instances: 0,
        configuration: { image: "hello-world", environment_variables: [{ name: "MINE", value: "1" }] },
      },
    });
    await sample("one");
    expect(await start()).toEqual(["one"]);
    expect(lines).toEqual([]);
    const { result } = await api.once("GET /applications/{id}", { params: { id: "one" } });
    expect(JSON.stringify(result)).toContain("MINE");
  });

  it("that is refused is a line, and tried again at the next start", async ({ expect }) => {
    await sample("one", { instances: -1 });
    expect(await start()).toEqual(["one"]);
    expect(lines).toEqual([expect.stringMatching(/^Could not make the application one: .*instances/)]);
    await sample("one");
    await start();
    expect(await names()).toEqual(["one"]);
  });

  it("whose image the control plane has not is none", async ({ expect }) => {
    await sample("one", {}, "elsewhere");
    expect(await start()).toEqual([]);
    expect(await names()).toEqual([]);
  });

  it("called downloader is told of the control plane's own registry, but where it says itself which there are", async ({
    expect,
  }) => {
    await writeFile(join(project, "wrangler.jsonc"), '{ "containers": [{ "images": { "downloader": {} } }] }');
    await sample("downloader", {}, "downloader");
    const [first] = await readSamples(project, HOST);
    expect(first?.configuration.environment_variables).toEqual([
      {
        name: "DOWNLOADER_REGISTRIES",
        value: '[{"host":"127.0.0.1:9999","url":"http://registry.gantry.internal","title":"Gantry"}]',
      },
    ]);
    const own = [{ name: "DOWNLOADER_REGISTRIES", value: "[]" }];
    await sample("downloader", { configuration: { image: "downloader", environment_variables: own } });
    const [second] = await readSamples(project, HOST);
    expect(second?.configuration.environment_variables).toEqual(own);
  });
});

const NAME = "ANTHROPIC_API_KEY";

/** What was done, in a word. */
async function store(...sources: Record<string, string>[]): Promise<(string | undefined)[]> {
  lines.length = 0;
  await storeSecrets(api, sources, await SampleRecord.open(state), log);
  return lines.map((line) => line.split(" ")[0]);
}

describe("a key that samples need", () => {
  it("becomes a secret, and changes with the environment", async ({ expect }) => {
    expect(await store({}, {})).toEqual([]);
    expect(await store({ [NAME]: "" }, { [NAME]: "of the file" })).toEqual(["Made"]);
    expect(await store({}, { [NAME]: "of the file" })).toEqual([]);
    expect(await store({ [NAME]: "of the shell" }, { [NAME]: "of the file" })).toEqual(["Changed"]);
    const { result } = await api.once("GET /secrets/{name}", { params: { name: NAME } });
    expect(result.version).toBe(2);
    expect(await readFile(join(state, "samples.json"), "utf8")).not.toContain("of the");
  });

  it("that somebody has made is left alone", async ({ expect }) => {
    await api.once("POST /secrets", { body: { name: NAME, value: "theirs" } });
    expect(await store({ [NAME]: "ours" })).toEqual([]);
    const { result } = await api.once("GET /secrets/{name}", { params: { name: NAME } });
    expect(result.version).toBe(1);
  });
});
