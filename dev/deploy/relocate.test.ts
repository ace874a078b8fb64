import { describe, it } from "vitest";
import { parseConfig } from "./config.ts";
import { PROJECT } from "./recorded-run.ts";
import { buildsImages, relocateConfig } from "./relocate.ts";

const CONFIG = `{
  "name": "gantry",
  "main": "src/index.ts",
  "tsconfig": "./tsconfig.json",
  "assets": { "directory": "./dashboard/dist", "binding": "ASSETS" },
  "build": { "command": "npm run x", "cwd": "dashboard", "watch_dir": ["src", "dashboard"] },
  "containers": [
    { "class_name": "A", "image": "./containers/a/Dockerfile", "image_build_context": "." },
    { "class_name": "B", "image": "registry.example.com/b@sha256:0" },
    { "class_name": "C", "images": { "c": { "dockerfile": "/abs/Dockerfile", "build_context": "containers" } } }
  ]
}`;

describe("relocateConfig", () => {
  it("rewrites every path and leaves references and absolute paths alone", ({ expect }) => {
    expect(relocateConfig(parseConfig(CONFIG), "/p", "/p/dist")).toMatchObject({
      main: "../src/index.ts",
      tsconfig: "../tsconfig.json",
      assets: { directory: "../dashboard/dist", binding: "ASSETS" },
      build: { command: "npm run x", cwd: "../dashboard", watch_dir: ["../src", "../dashboard"] },
      containers: [
        { image: "../containers/a/Dockerfile", image_build_context: ".." },
        { image: "registry.example.com/b@sha256:0" },
        { images: { c: { dockerfile: "/abs/Dockerfile", build_context: "../containers" } } },
      ],
    });
  });
});

describe("buildsImages", () => {
  it.for([
    ["a Dockerfile", PROJECT, true],
    [
      "a registry reference",
      `{"name":"g","containers":[{"images":{"a":{"image":"r.example.com/a@sha256:0"}}}]}`,
      false,
    ],
    ["no containers", `{"name":"g"}`, false],
  ] as const)("is decided by what the images are: %s", ([, text, expected], { expect }) => {
    expect(buildsImages(parseConfig(text))).toBe(expected);
  });
});
