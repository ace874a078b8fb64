import { describe, it } from "vitest";
import { isBuild, pulledImage, withoutBuildxFlags } from "./arguments.ts";

describe("a docker command line without buildx", () => {
  it("loses the flags that only buildx knows and keeps the others in order", ({ expect }) => {
    const wrangler = "build --load -t app:1 --platform linux/amd64 --provenance=false --build-arg A=--load -f - .";
    expect(withoutBuildxFlags(wrangler.split(" "))).toEqual("build -t app:1 --build-arg A=--load -f - .".split(" "));
  });

  it("is recognised as a build behind global flags", ({ expect }) => {
    expect(isBuild(["--host", "unix:///x", "build", "."])).toBe(true);
    expect(isBuild(["image", "inspect", "build"])).toBe(false);
  });

  it("names the image it pulls, wherever the platform stands", ({ expect }) => {
    expect(pulledImage(["pull", "a/b:1", "--platform", "linux/amd64"])).toBe("a/b:1");
    expect(pulledImage(["pull", "--platform", "linux/amd64", "a/b:1"])).toBe("a/b:1");
    expect(pulledImage(["push", "a/b:1"])).toBeUndefined();
  });
});
