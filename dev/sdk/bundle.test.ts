/** What the package brings along, and what it asks for. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, it, onTestFinished } from "vitest";
import { bundleCli, bundleSdk, ENTRIES, EXTERNAL } from "./bundle.ts";

const projectDir = join(import.meta.dirname, "../..");

describe("the bundle", () => {
  it("is made of our own sources, and asks for nothing but zod", async ({ expect }) => {
    const { metafile, warnings } = await bundleSdk({ projectDir, outdir: null });
    expect(warnings).toEqual([]);
    const inputs = Object.keys(metafile.inputs);
    const own = /^src\/(?:sdk\/|egress\/policy\/|registry\/(?:auth\/patterns|oci\/names)\.ts$|duration\.ts$)/;
    expect(inputs.filter((path) => !own.test(path))).toEqual([]);
    const asked = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external));
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(EXTERNAL));
  });

  it("has all entries of package.json, and the two have one list of dependencies", async ({ expect }) => {
    const manifest = (await import("../../package.json", { with: { type: "json" } })).default;
    const paths = Object.entries(manifest.exports).flatMap(([name, target]) =>
      typeof target === "string" ? [] : [[name, target.default]],
    );
    const built = Object.keys(ENTRIES).map((name) => [name === "index" ? "." : `./${name}`, `./dist/sdk/${name}.js`]);
    expect(paths).toEqual(built);
    expect(Object.keys(manifest.dependencies)).toEqual([...EXTERNAL]);
  });

  it("keeps what it shares in one place, so that its entries have one class of errors", async ({ expect }) => {
    const { metafile } = await bundleSdk({ projectDir, outdir: null });
    const holders = Object.values(metafile.outputs).filter(({ inputs }) => "src/sdk/errors.ts" in inputs);
    expect(holders).toHaveLength(1);
  });

  it.for<[string, string, number]>([
    // A Worker that only calls pays for the calls.
    ["gantry", 'export { createContainers, GantryError } from "./index.js";', 8],
    ["gantry/bridge", 'export * from "./bridge.js";', 5],
    ["gantry/client", 'export * from "./client.js";', 5],
  ])("costs a user of %s little, and no zod", async ([, source, kib], { expect }) => {
    const folder = await mkdtemp(join(projectDir, "node_modules/.sdk-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await bundleSdk({ projectDir, outdir: folder });
    const entry = join(folder, "user.js");
    await writeFile(entry, source);
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", sideEffects: false }));
    const { outputFiles, metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      outdir: folder,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      logLevel: "silent",
    });
    const [output] = Object.values(metafile.outputs);
    const kept = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    expect(kept.map(([path]) => path).filter((path) => path.includes("/zod/"))).toEqual([]);
    expect(gzipSync(outputFiles[0]?.contents ?? "").length).toBeLessThan(kib * 1_024);
  });
});

describe("the command", () => {
  it("is one file that asks for nothing but Node, and is where package.json says", async ({ expect }) => {
    const { metafile, warnings } = await bundleCli({ projectDir, outdir: null });
    expect(warnings).toEqual([]);
    const [[path, output] = ["", undefined], ...others] = Object.entries(metafile.outputs);
    expect(others).toEqual([]);
    const asked = output?.imports.filter(({ external }) => external).map(({ path: name }) => name) ?? [];
    expect(asked.filter((name) => !name.startsWith("node:") && !builtinModules.includes(name))).toEqual([]);
    const { bin } = (await import("../../package.json", { with: { type: "json" } })).default;
    expect(bin).toEqual({ gantry: `./${path}` });
  });
});
