import { describe, it } from "vitest";
import { mergeConfiguration, sameConfiguration } from "./configurations.ts";

const image = "hello-world";

describe("two configurations", () => {
  it.for([
    [
      "their fields in another order",
      { image, command: ["a"], entrypoint: ["b"] },
      { entrypoint: ["b"], image, command: ["a"] },
    ],
    [
      "a size that is the type's",
      { image, instance_type: "basic" },
      { image, instance_type: "basic", vcpu: 0.25, memory_mib: 1_024 },
    ],
    ["a default size said or not", { image }, { image, vcpu: 0.0625, memory_mib: 256, disk: { size_mb: 2_000 } }],
    ["a field that is not set", { image }, { image, labels: undefined }],
  ] as const)("are the same with %s", ([, a, b], { expect }) => {
    expect(sameConfiguration(a as never, b as never)).toBe(true);
  });

  it.for([
    ["a label", { image }, { image, labels: [{ name: "a", value: "b" }] }],
    ["a port's name", { image, ports: [{ name: "a", port: 1 }] }, { image, ports: [{ name: "b", port: 1 }] }],
    ["a size", { image }, { image, memory_mib: 512 }],
    ["a location", { image, location: "weur" }, { image, location: "enam" }],
    ["logs", { image }, { image, observability: { logs: { enabled: true } } }],
  ] as const)("differ by %s", ([, a, b], { expect }) => {
    expect(sameConfiguration(a as never, b as never)).toBe(false);
  });
});

describe("a partial configuration", () => {
  it("replaces whole fields and leaves the others", ({ expect }) => {
    const base = { image, labels: [{ name: "a", value: "b" }], entrypoint: ["x"] };
    expect(mergeConfiguration(base, { labels: [] })).toEqual({ image, labels: [], entrypoint: ["x"] });
    expect(mergeConfiguration(base, {})).toEqual(base);
  });

  it("with a type takes the place of a size", ({ expect }) => {
    const base = { image, vcpu: 1, memory_mib: 512, disk: { size_mb: 4_000 } };
    expect(mergeConfiguration(base, { instance_type: "basic" })).toEqual({ image, instance_type: "basic" });
  });

  it("with one size keeps the others of a type", ({ expect }) => {
    const merged = mergeConfiguration({ image, instance_type: "basic" }, { vcpu: 2 });
    expect(merged).toEqual({ image, vcpu: 2, memory_mib: 1_024, disk: { size_mb: 4_000 } });
  });
});
