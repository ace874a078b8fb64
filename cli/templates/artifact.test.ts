import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { describe, it } from "vitest";
import { digestOfBytes } from "../../src/registry/oci/digest.ts";
import { buildTemplate, openBundle, type TemplateFile, type TemplateSource } from "./artifact.ts";
import { readInfo, readManifest } from "./format.ts";

const bytesOf = (text: string) => new Uint8Array(new TextEncoder().encode(text));
const file = (path: string, text: string, isExecutable = false): TemplateFile => {
  return { path, bytes: bytesOf(text), isExecutable };
};
const FILES = [file("server.ts", "serve();\n"), file("dist/run", "#!/bin/sh\n", true), file("Größe.md", "")];
const SOURCE: TemplateSource = {
  name: "web",
  version: "1.2.0",
  description: "A page",
  secrets: ["api-key"],
  application: { name: "web", configuration: { image: "web" } },
  files: FILES,
};

const packed = async (...entries: Parameters<typeof packTar>[0]) => gzipSync(await packTar(entries));

function entry(name: string, type: "file" | "symlink" = "file") {
  const header = { name, size: 0, type, ...(type === "symlink" ? { linkname: "/etc/passwd" } : {}) };
  return { header, body: "" };
}

describe("a template", () => {
  it("has one digest, in whatever order and however often it is made of the same files", async ({ expect }) => {
    const first = await buildTemplate(SOURCE);
    const again = await buildTemplate({ ...SOURCE, files: FILES.toReversed() });
    expect(again).toEqual(first);
    // Of another machine, another day: a change of what it is made with is a change of every template.
    expect(first.bundle.bytes.subarray(0, 10)).toEqual(Uint8Array.of(31, 139, 8, 0, 0, 0, 0, 0, 2, 255));
    for (const change of [
      { description: "Another page" },
      { version: "1.2.1" },
      { files: FILES.slice(1) },
      { files: [file("server.ts", "serve();\n", true), ...FILES.slice(1)] },
    ]) {
      expect((await buildTemplate({ ...SOURCE, ...change })).manifest.digest).not.toBe(first.manifest.digest);
    }
  });

  it("is an image manifest of its type, with a config and one layer", async ({ expect }) => {
    const { manifest, config, bundle } = await buildTemplate(SOURCE);
    expect(await digestOfBytes("sha256", manifest.bytes)).toBe(manifest.digest);
    expect(JSON.parse(new TextDecoder().decode(manifest.bytes))).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: "application/vnd.gantry.template.v1",
      config: {
        mediaType: "application/vnd.gantry.template.config.v1+json",
        digest: config.digest,
        size: config.bytes.length,
      },
      layers: [
        {
          mediaType: "application/vnd.gantry.template.bundle.v1.tar+gzip",
          digest: bundle.digest,
          size: bundle.bytes.length,
          annotations: { "org.opencontainers.image.title": "web-1.2.0.tar.gz" },
        },
      ],
      annotations: {
        "org.opencontainers.image.title": "web",
        "org.opencontainers.image.version": "1.2.0",
        "org.opencontainers.image.description": "A page",
      },
    });
    expect(readManifest(manifest.bytes, "web").config.digest).toBe(config.digest);
    expect(readInfo(config.bytes, "web")).toMatchObject({ size: 19, secrets: ["api-key"], version: "1.2.0" });
  });

  it("gives its files back, those that can be run as such", async ({ expect }) => {
    const { info, bundle } = await buildTemplate(SOURCE);
    const files = await openBundle(bundle.bytes, info);
    const shown = files.map(({ path, bytes, isExecutable }) => [path, new TextDecoder().decode(bytes), isExecutable]);
    expect(shown).toEqual([
      ["Größe.md", "", false],
      ["dist/run", "#!/bin/sh\n", true],
      ["server.ts", "serve();\n", false],
    ]);
  });

  it("refuses what is no bundle, and what is not told by its config", async ({ expect }) => {
    const { info, bundle } = await buildTemplate(SOURCE);
    const message = async (bytes: Uint8Array) =>
      await openBundle(bytes, info).then(
        () => "opened",
        (error: Error) => error.message,
      );
    expect(await message(bytesOf("no gzip"))).toMatch(/^the bundle of web cannot be unpacked: /);
    expect(await message(bundle.bytes.subarray(0, -20))).toMatch(/^the bundle of web cannot be unpacked: /);
    expect(await message(await packed())).toBe("the bundle of web lacks Größe.md");
    expect(await message(await packed(entry("../../evil")))).toContain('has "../../evil", which its config does not');
    expect(await message(await packed(entry("server.ts", "symlink")))).toContain('has "server.ts", a symlink');
    expect(await message(await packed(entry("Größe.md"), entry("Größe.md")))).toContain("which its config does not");
  });

  it("has a config whose paths stay below the folder", async ({ expect }) => {
    const wrong = ["../a", "/a", "a/../b", "a//b", "C:\\a", "a\0b", "", ".", "a/"];
    for (const path of wrong) {
      const files = [file(path, "")];
      await expect(buildTemplate({ ...SOURCE, files }), path).rejects.toThrow("is no path below a folder");
      const info = bytesOf(JSON.stringify({ ...SOURCE, size: 0, files: [{ path, size: 0 }] }));
      expect(() => readInfo(info, "web"), path).toThrow("is no path below a folder");
    }
  });

  it("is not what has another type, whatever its form", async ({ expect }) => {
    const { manifest } = await buildTemplate(SOURCE);
    const text = new TextDecoder().decode(manifest.bytes);
    const other = text.replace("vnd.gantry.template.v1", "vnd.example.v1");
    for (const bytes of [bytesOf(other), bytesOf("[]"), bytesOf("{"), bytesOf('{"layers":[]}')]) {
      expect(() => readManifest(bytes, "web:latest")).toThrow("web:latest is no template");
    }
  });
});
