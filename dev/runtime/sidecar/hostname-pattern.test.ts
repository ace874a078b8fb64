import { describe, it } from "vitest";
import { matcherOf } from "./hostname-pattern.ts";

describe("a list of name patterns", () => {
  it("matches exact names whatever their case and final dot", ({ expect }) => {
    const matches = matcherOf(["API.example.com"]);
    expect(matches("api.Example.com.")).toBe(true);
    expect(matches("xapi.example.com")).toBe(false);
    expect(matches("api-example.com")).toBe(false);
  });

  it("lets a star stand for any characters, but not for the dot before the domain", ({ expect }) => {
    const matches = matcherOf(["*.example.com"]);
    expect(matches("a.b.example.com")).toBe(true);
    expect(matches("example.com")).toBe(false);
  });

  it("matches everything with a lone star and nothing when empty", ({ expect }) => {
    expect(matcherOf(["a.example", "*"])("other.example")).toBe(true);
    expect(matcherOf([])("a.example")).toBe(false);
  });
});
