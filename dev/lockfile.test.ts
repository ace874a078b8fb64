import { describe, it } from "vitest";
import { complete, missingOptional, platformOf } from "./lockfile.ts";

const lock = {
  packages: {
    "": {},
    "node_modules/a": {
      version: "1.0.0",
      dev: true,
      optionalDependencies: { "a-linux-x64": "1.0.0", "a-darwin-64": "1.0.0" },
    },
    "node_modules/a-linux-x64": { version: "1.0.0" },
    "node_modules/b": { version: "1.0.0", optionalDependencies: { fsevents: "~2.3.3" } },
    "node_modules/b/node_modules/a": { version: "2.0.0", optionalDependencies: { "a-linux-x64": "2.0.0" } },
  },
};

describe("a lock whose registry lacks other platforms", () => {
  it("is completed with what its packages ask for by exact version, in its place", ({ expect }) => {
    expect(missingOptional(lock)).toEqual({
      "node_modules/a-darwin-64": { version: "1.0.0", cpu: ["x64"], os: ["darwin"], dev: true, optional: true },
      "node_modules/b/node_modules/a-linux-x64": { version: "2.0.0", cpu: ["x64"], os: ["linux"], optional: true },
    });
  });

  it("is complete after that", ({ expect }) => {
    expect(missingOptional(complete(lock))).toEqual({});
  });
});

describe("the platform of a binary package", () => {
  it.for([
    ["@oxfmt/binding-linux-arm64-musl", { os: ["linux"], cpu: ["arm64"], libc: ["musl"] }],
    ["@oxfmt/binding-linux-arm-gnueabihf", { os: ["linux"], cpu: ["arm"], libc: ["glibc"] }],
    ["@oxfmt/binding-android-arm-eabi", { os: ["android"], cpu: ["arm"] }],
    ["@oxfmt/binding-win32-ia32-msvc", { os: ["win32"], cpu: ["ia32"] }],
    ["@cloudflare/workerd-windows-64", { os: ["win32"], cpu: ["x64"] }],
    ["@oxlint-tsgolint/darwin-arm64", { os: ["darwin"], cpu: ["arm64"] }],
    ["fsevents", {}],
  ] as const)("is in its name: %s", ([name, platform], { expect }) => {
    expect(platformOf(name)).toEqual(platform);
  });
});
