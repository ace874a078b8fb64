import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { readTemplateFiles, requireEmptyFolder, writeTemplateFiles } from "./folder.ts";
import { readTemplate } from "./source.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gantry-templates-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

const paths = async (only: readonly string[] | null = null) =>
  (await readTemplateFiles(folder, only)).map(({ path }) => path).toSorted((a, b) => (a < b ? -1 : 1));

const io = {
  env: {},
  cwd: "/",
  out: () => undefined,
  err: () => undefined,
  stdin: async () => "",
  now: () => 0,
  sleep: async () => undefined,
};

describe("a template's folder", () => {
  it("gives everything but packages and what is hidden", async ({ expect }) => {
    await write({
      Dockerfile: "FROM scratch",
      "src/a/b.ts": "",
      ".dockerignore": "",
      ".env": "TOKEN=1",
      ".dev.vars": "TOKEN=1",
      ".npmrc": "//registry:_authToken=1",
      ".git/config": "",
      "node_modules/x/index.js": "",
      "src/node_modules/y.js": "",
    });
    expect(await paths()).toEqual([".dockerignore", "Dockerfile", "src/a/b.ts"]);
  });

  it("gives what package.json names, and what every template has", async ({ expect }) => {
    await write({
      Dockerfile: "",
      "README.pt.md": "",
      "package.json": "{}",
      "dist/a.js": "",
      "b.ts": "",
      "b.test.ts": "",
    });
    expect(await paths(["./dist/", "b.ts"])).toEqual([
      "Dockerfile",
      "README.pt.md",
      "b.ts",
      "dist/a.js",
      "package.json",
    ]);
    await expect(paths(["dist", "*.ts"])).rejects.toThrow("*.ts: is in files of package.json, and is not there");
  });

  it("has no links", async ({ expect }) => {
    await symlink("/etc/passwd", join(folder, "users"));
    await expect(paths()).rejects.toThrow("users: is neither a file nor a folder");
  });

  it("says which secrets its application needs", async ({ expect }) => {
    await write({
      "package.json": JSON.stringify({ name: "@team/agent", version: "2.0.0", description: "Chats" }),
      "application.json": JSON.stringify({
        name: "agent",
        configuration: { image: "agent", secrets: [{ name: "A", type: "env", secret: "key-a" }] },
        egress: { credentials: [{ hosts: ["a.example.com"], header: "x-api-key", secret: "key-b" }] },
      }),
    });
    const { name, version, description, secrets, application } = await readTemplate(folder, {}, io);
    expect({ name, version, description, secrets }).toEqual({
      name: "agent",
      version: "2.0.0",
      description: "Chats",
      secrets: ["key-a", "key-b"],
    });
    expect(application).toMatchObject({ name: "agent" });
    const said = await readTemplate(folder, { name: "other", version: "3", description: "" }, io);
    expect([said.name, said.version, said.description]).toEqual(["other", "3", ""]);
  });

  it("may declare its application in gantry.yaml, with references", async ({ expect }) => {
    await write({
      "gantry.yaml": `owner: web
---
kind: secret
name: api-key
spec: { value: { env: API_KEY } }
---
kind: application
name: web
spec:
  instances: 1
  configuration: { image: web, secrets: [{ name: K, type: env, secret: { ref: secret/api-key } }] }
`,
    });
    const { application, secrets } = await readTemplate(folder, { name: "web", version: "1" }, io);
    const configuration = { image: "web", secrets: [{ name: "K", type: "env", secret: "api-key" }] };
    expect(application).toEqual({ name: "web", instances: 1, configuration });
    expect(secrets).toEqual(["api-key"]);
  });

  it("lacks a name, a version or an application in words", async ({ expect }) => {
    await expect(readTemplate(folder, {}, io)).rejects.toThrow(/name: is needed.*\n.*version: is needed/);
    await expect(readTemplate(folder, { name: "Web", version: "latest" }, io)).rejects.toThrow(
      /name Web: must be .*\nversion latest: must be a tag/,
    );
    const named = { name: "web", version: "1" };
    await expect(readTemplate(folder, named, io)).rejects.toThrow("there is no application.json and no gantry.yaml");
    await write({ "application.json": "{" });
    await expect(readTemplate(folder, named, io)).rejects.toThrow("application.json: is no JSON");
    await write({ "application.json": "{}" });
    await expect(readTemplate(folder, named, io)).rejects.toThrow("must be an application");
    await expect(readTemplate(join(folder, "none"), named, io)).rejects.toThrow("none: there is no application.json");
  });
});

describe("a project's folder", () => {
  it("is empty, or not there", async ({ expect }) => {
    await requireEmptyFolder(folder);
    await requireEmptyFolder(join(folder, "new"));
    await write({ "a.txt": "kept" });
    await expect(requireEmptyFolder(folder)).rejects.toThrow("is not empty (a.txt)");
    await expect(requireEmptyFolder(join(folder, "a.txt"))).rejects.toThrow("is a file");
  });

  it("gets files with their modes, and loses none", async ({ expect }) => {
    const bytes = new Uint8Array([1]);
    const target = join(folder, "new");
    await writeTemplateFiles(target, [
      { path: "a/run", bytes, isExecutable: true },
      { path: "b", bytes, isExecutable: false },
    ]);
    const mode = async (path: string) => (await stat(join(target, path))).mode & 0o111;
    expect([await mode("a/run"), await mode("b")].map((bits) => bits !== 0)).toEqual([true, false]);
    await expect(writeTemplateFiles(target, [{ path: "b", bytes, isExecutable: false }])).rejects.toThrow("EEXIST");
  });
});
