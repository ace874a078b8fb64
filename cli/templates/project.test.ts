import { describe, it } from "vitest";
import type { TemplateInfo } from "./format.ts";
import { projectFiles } from "./project.ts";

const INFO: TemplateInfo = {
  name: "hello-world",
  version: "1",
  description: "",
  size: 0,
  secrets: [],
  files: [],
  application: { name: "hello", instances: 3, configuration: { image: "hello-world" } },
};

function made(files: Readonly<Record<string, string>>, info = INFO): Record<string, string> {
  const given = Object.entries(files).map(([path, text]) => {
    return { path, bytes: new Uint8Array(new TextEncoder().encode(text)), isExecutable: false };
  });
  const project = projectFiles(given, info, "shop");
  return Object.fromEntries(project.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
}

describe("a project of a template", () => {
  it("has a manifest of its own name in place of application.json", ({ expect }) => {
    const { "gantry.yaml": manifest, ...others } = made({
      "application.json": "{}",
      "package.json": '{"name":"@gantry/hello-world","version":"0.1.0","private":true}',
      "server.ts": "serve();",
    });
    expect(manifest).toBe(`# gantry apply brings the control plane to what is declared here.
owner: shop
---
kind: application
name: shop
spec:
  instances: 3
  configuration:
    image: hello-world
`);
    expect(others).toEqual({
      "package.json": '{\n  "name": "shop",\n  "version": "0.1.0",\n  "private": true\n}\n',
      "server.ts": "serve();",
    });
  });

  it("keeps the template's own manifest, comments too, under the new name", ({ expect }) => {
    const manifest = `# What it is
owner: hello
---
kind: application
name: hello # of the page
spec: { configuration: { image: hello } }
---
kind: schedule
name: hello
spec: { application: hello, cron: "0 3 * * *", job: {} }
---
kind: protocol
name: other
spec: { domains: [ { ref: application/hello } ] }
`;
    const files = made({ "gantry.yaml": manifest, "application.json": "{}" });
    expect(Object.keys(files)).toEqual(["gantry.yaml", "application.json"]);
    expect(files["gantry.yaml"]).toBe(
      manifest
        .replace("owner: hello", "owner: shop")
        .replace("name: hello #", "name: shop #")
        .replace("{ application: hello,", "{ application: shop,")
        .replace("application/hello", "application/shop"),
    );
  });

  it("keeps a configuration in TypeScript, and a package.json that is none", ({ expect }) => {
    const files = { "gantry.config.ts": "export default {};", "package.json": "[" };
    expect(made(files)).toEqual(files);
  });
});
