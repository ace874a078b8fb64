import { describe, it } from "vitest";
import { isRegistryPath, targetOf } from "./paths.ts";

describe("a path of the registry", () => {
  it.for([
    ["/v2", { kind: "base" }],
    ["/v2/", { kind: "base" }],
    ["/v2/_catalog", { kind: "catalog" }],
    ["/v2/gc/layers", { kind: "garbage" }],
    ["/v2/a/tags/list", { kind: "tags", name: "a" }],
    ["/v2/a/b/c/tags/list", { kind: "tags", name: "a/b/c" }],
    ["/v2/a/manifests/v1", { kind: "manifest", name: "a", reference: "v1" }],
    ["/v2/a/manifests/sha256%3Aabc", { kind: "manifest", name: "a", reference: "sha256:abc" }],
    ["/v2/a/blobs/x", { kind: "blob", name: "a", digest: "x" }],
    ["/v2/a/blobs/uploads/", { kind: "uploads", name: "a" }],
    ["/v2/a/blobs/uploads", { kind: "uploads", name: "a" }],
    ["/v2/a/blobs/uploads/id", { kind: "upload", name: "a", id: "id" }],
    ["/v2/a/blobs/uploads/blobs/uploads/id", { kind: "upload", name: "a/blobs/uploads", id: "id" }],
    ["/v2/a/referrers/x", { kind: "referrers", name: "a", digest: "x" }],
    ["/v2/manifests/manifests/manifests", { kind: "manifest", name: "manifests", reference: "manifests" }],
    ["/v2/a", null],
    ["/v2/a/tags", null],
    ["/v2/a/tags/all", null],
    ["/v2/tags/list", null],
    ["/v2/%E0%A4%A/tags/list", null],
  ] as const)("%s", ([path, target], { expect }) => {
    expect(targetOf(path)).toEqual(target);
  });

  it("is below /v2 and not beside it", ({ expect }) => {
    expect(["/v2", "/v2/", "/v2/x"].every(isRegistryPath)).toBe(true);
    expect(["/v22", "/v1/", "/", "/a/v2/"].some(isRegistryPath)).toBe(false);
  });
});
