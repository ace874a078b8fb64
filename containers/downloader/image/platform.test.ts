import { describe, it } from "vitest";
import { distance, formatPlatform, readPlatform } from "./platform.ts";

describe("a platform", () => {
  it.for([
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["Linux/AMD64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm64/8", "linux/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/7", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/i386", "linux/386"],
    ["macos/arm64", "darwin/arm64"],
    ["windows(10.0.20348)/amd64", "windows/amd64"],
    ["linux/riscv64", "linux/riscv64"],
  ] as const)("written %s is %s", ([text, name], { expect }) => {
    expect(formatPlatform(readPlatform(text))).toBe(name);
  });

  it.for(["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux amd64", "linux/<b>"])(
    "written %j is none",
    (text, { expect }) => {
      expect(() => readPlatform(text)).toThrow(/is no platform/);
    },
  );

  it.for([
    ["linux/amd64", "linux/amd64", 0],
    ["linux/amd64", "linux/arm64", null],
    ["linux/amd64", "linux/386", null],
    ["linux/amd64", "windows/amd64", null],
    ["linux/amd64", "linux/amd64/v2", null],
    ["linux/amd64/v3", "linux/amd64/v2", 1],
    ["linux/amd64/v3", "linux/amd64", 2],
    ["linux/arm64", "linux/arm64/v8", 0],
    ["linux/arm64", "linux/arm/v7", null],
    ["linux/arm/v7", "linux/arm/v6", 1],
    ["linux/arm/v7", "linux/arm/v5", 2],
    ["linux/arm/v6", "linux/arm/v7", null],
    ["linux/arm", "linux/arm/v7", 0],
    ["linux/s390x", "linux/s390x", 0],
    ["windows(10.0.20348)/amd64", "windows(10.0.20348.2527)/amd64", 0],
    ["windows(10.0.17763)/amd64", "windows(10.0.20348.2527)/amd64", null],
    ["windows/amd64", "windows(10.0.20348.2527)/amd64", 0],
  ] as const)("wanted as %s is from %s so far: %s", ([wanted, has, far], { expect }) => {
    expect(distance(readPlatform(wanted), readPlatform(has))).toBe(far);
  });
});
