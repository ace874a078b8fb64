import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, onTestFinished } from "vitest";
import type { BuiltImage } from "./manifest/images.ts";
import { imagesChange, writeImages } from "./wrangler-images.ts";

const CONFIG = `{
  // Kept.
  "name": "gantry",
  "containers": [
    { "class_name": "Other" },
    {
      "scheduling_policy": "durable_object",
      "images": {
        "hello": { "dockerfile": "./hello/Dockerfile" }, // this one too
      },
    },
  ],
}
`;

async function configured(text = CONFIG) {
  const folder = await mkdtemp(join(tmpdir(), "gantry-wrangler-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "wrangler.jsonc");
  await writeFile(file, text);
  const image = (name: string, rest: Partial<BuiltImage> = {}): BuiltImage => ({
    name,
    dockerfile: join(folder, name, "Dockerfile"),
    context: join(folder, name),
    buildArgs: {},
    ...rest,
  });
  return { file, folder, image };
}

describe("images of wrangler.jsonc", () => {
  it("are left alone where they say what is built, in whatever words", async ({ expect }) => {
    const { file, folder, image } = await configured();
    expect(await imagesChange(file, [])).toBeNull();
    expect(await imagesChange(file, [image("hello")])).toBeNull();
    const spelt = CONFIG.replace('"./hello/Dockerfile"', '"hello/Dockerfile", "build_context": "./hello/"');
    await writeFile(join(folder, "wrangler.jsonc"), spelt);
    expect(await imagesChange(file, [image("hello")])).toBeNull();
  });

  it("get what is missing and lose no comment, and only when they are written", async ({ expect }) => {
    const { file, folder, image } = await configured();
    const other = image("new", { context: folder, buildArgs: { A: "1" } });
    const change = await imagesChange(file, [image("hello"), other]);
    if (change === null) throw new Error("there is a change");
    expect(change.names).toEqual(["new"]);
    expect(change.diff).toContain('+         "new": {');
    expect(change.diff).not.toContain('gantry",');
    expect(await readFile(file, "utf8")).toBe(CONFIG);
    await writeImages(change);
    const text = await readFile(file, "utf8");
    expect(text).toContain("// Kept.");
    expect(text).toContain("// this one too");
    expect(await imagesChange(file, [image("hello"), other])).toBeNull();
  });

  it("are changed where another folder is built, or with other arguments", async ({ expect }) => {
    const { file, folder, image } = await configured();
    for (const rest of [{ dockerfile: join(folder, "x/Dockerfile") }, { context: folder }, { buildArgs: { A: "1" } }]) {
      expect((await imagesChange(file, [image("hello", rest)]))?.names).toEqual(["hello"]);
    }
  });

  it.for([
    ["{", "is no JSONC"],
    ['{ "containers": [{}] }', "is not the control plane's"],
  ])("of a file with %j cannot be kept: it %s", async ([text, reason], { expect }) => {
    const { file, image } = await configured(text);
    const error = await imagesChange(file, [image("a")]).then(() => null, String);
    expect(error).toContain(reason);
  });

  it("need the file where something is built", async ({ expect }) => {
    const { folder, image } = await configured();
    const error = await imagesChange(join(folder, "none.jsonc"), [image("a")]).then(() => null, String);
    expect(error).toContain("name its wrangler.jsonc with --wrangler");
  });
});
