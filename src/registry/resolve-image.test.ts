import { describe, it } from "vitest";
import { protocolOf, resolveImage, type ImageSource } from "./resolve-image.ts";

const ACCOUNT = "0123456789abcdef0123456789abcdef";
const CATALOG = {
  declared: ["hello-world", "hello-world:1.0", "team/web:2", "docker.io/team/api:3"],
  managedDomain: "registry.example",
  accountId: ACCOUNT,
};

const resolve = (image: string, sources: readonly ImageSource[] | null = null) => resolveImage(image, sources, CATALOG);

describe("an image", () => {
  it.for([
    ["hello-world", "hello-world"],
    ["docker.io/team/api:3", "docker.io/team/api:3"],
    [`registry.example/${ACCOUNT}/hello-world`, "hello-world"],
    [`registry.example/${ACCOUNT}/hello-world:1.0`, "hello-world:1.0"],
    [`registry.example/${ACCOUNT}/team/web:2`, "team/web:2"],
    ["registry.example/hello-world:1.0", "hello-world:1.0"],
  ] as const)("written as %s starts %s", ([image, name], { expect }) => {
    expect(resolve(image)).toEqual({ found: true, name });
  });

  it.for([
    "hello-world:2",
    "registry.example/hello-world:2",
    `other.example/${ACCOUNT}/hello-world`,
    `registry.example.evil/${ACCOUNT}/hello-world`,
  ])("written as %s is not declared", (image, { expect }) => {
    expect(resolve(image)).toMatchObject({
      code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
      reason: expect.stringContaining(image),
    });
  });

  it("of another account is refused as such", ({ expect }) => {
    const image = `registry.example/${"f".repeat(32)}/hello-world`;
    expect(resolve(image)).toMatchObject({
      code: "VALIDATE_INPUT",
      reason: expect.stringContaining("another account"),
    });
  });
});

describe("an image of a protocol", () => {
  it("is the first of its sources that is declared", ({ expect }) => {
    const sources = [
      { domain: "gone.example", path: "team" },
      { domain: "docker.io", path: "team" },
      { domain: "registry.example", path: ACCOUNT },
    ];
    expect(resolve("mine://api:3", sources)).toEqual({ found: true, name: "docker.io/team/api:3" });
    expect(resolve("mine://hello-world:1.0", sources)).toEqual({ found: true, name: "hello-world:1.0" });
    expect(resolve("mine://team/web:2", [{ domain: "registry.example", path: "" }])).toMatchObject({ found: true });
  });

  it("that no source has names every one that was tried", ({ expect }) => {
    const sources = [
      { domain: "a.example", path: "x" },
      { domain: "registry.example", path: "f".repeat(32) },
    ];
    expect(resolve("mine://hello-world", sources)).toMatchObject({
      code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE",
      reason: expect.stringContaining(`a.example/x/hello-world or registry.example/${"f".repeat(32)}/hello-world`),
    });
  });

  it("that nobody knows is told from an image that nobody has", ({ expect }) => {
    expect(resolve("mine://hello-world")).toMatchObject({ code: "IMAGE_REGISTRY_PROTOCOL_NOT_FOUND" });
    expect(resolve("mine://hello-world", [])).toMatchObject({ code: "IMAGE_REGISTRY_DOESNT_CONTAIN_IMAGE" });
  });

  it("is told by its scheme", ({ expect }) => {
    expect([protocolOf("mine://a:1"), protocolOf("a/b:1"), protocolOf("host:5000/a"), protocolOf("://a")]).toEqual([
      "mine",
      null,
      null,
      null,
    ]);
  });
});
