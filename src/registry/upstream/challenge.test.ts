import { describe, it } from "vitest";
import { parseChallenges, usefulChallenge } from "./challenge.ts";

const bearer = (parameters: Record<string, string>) => ({ scheme: "bearer", parameters });

describe("challenges", () => {
  it.for([
    [
      'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
      [bearer({ realm: "https://auth.example/token", service: "registry.example", scope: "repository:a/b:pull,push" })],
    ],
    [
      "bearer REALM=https://auth.example/token , Service = x",
      [bearer({ realm: "https://auth.example/token", service: "x" })],
    ],
    ['Basic realm="a \\"quoted\\", thing"', [{ scheme: "basic", parameters: { realm: 'a "quoted", thing' } }]],
    [
      'Negotiate, Basic realm="a", Bearer realm="b"',
      [
        { scheme: "negotiate", parameters: {} },
        { scheme: "basic", parameters: { realm: "a" } },
        bearer({ realm: "b" }),
      ],
    ],
    ['Bearer realm="first",realm="second"', [bearer({ realm: "first" })]],
    ['Bearer realm="never ends', [{ scheme: "bearer", parameters: { realm: "" } }]],
    ["", []],
    ['"', []],
    [" , ,", []],
  ] as const)("in %s are read", ([header, challenges], { expect }) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });

  it("are read from garbage of any length in no time worth telling", ({ expect }) => {
    for (const garbage of [
      "a=".repeat(50_000),
      ",".repeat(50_000),
      "a ".repeat(50_000),
      `Bearer ${'x="\\'.repeat(9_000)}`,
    ]) {
      expect(parseChallenges(garbage).length).toBeLessThan(10_000);
    }
  });

  it("with a token server go before those with a password", ({ expect }) => {
    expect(usefulChallenge('Basic realm="a", Bearer realm="b"')?.scheme).toBe("bearer");
    expect(usefulChallenge('Bearer service="no realm", Basic realm="a"')?.scheme).toBe("basic");
    expect(usefulChallenge("Negotiate")).toBeNull();
  });
});
