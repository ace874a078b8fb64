import { describe, it } from "vitest";
import { coversPath, pathPattern } from "./path.ts";

const pathnameOf = (path: string) => new URL(`http://host${path}`).pathname;

describe("a path that a credential is for", () => {
  it.for([
    "/v1/x",
    "/v1/",
    "/v1/a/b/c",
    "/v1//x",
    "/v1/x?y=/../z",
    "/v1/a/../b",
    "/v1/%2e%2e/v1/x",
    "/v1/group%2Fproject",
    "/v1/50%25",
    "/v1/100%",
    "/v1/caf%C3%A9",
    "/v1/.well-known",
    "/v1/..a",
    "/v1/a..",
    "/exact",
    "/exact?x",
  ])("%s is covered", (path, { expect }) => {
    expect(coversPath(["/v1/*", "/exact"], pathnameOf(path))).toBe(true);
  });

  it.for([
    "/v1",
    "/v1evil",
    "/V1/x",
    "/",
    "//v1/x",
    "/exact/",
    "/exact/x",
    "/%65xact",
    "/v1/../admin",
    "/v1/%2e%2e/admin",
    "/v1/.%2E/admin",
    "/v1/..%2fadmin",
    "/v1/..%2F..%2Fadmin",
    "/v1/%2e%2e%2fadmin",
    "/v1/..%5cadmin",
    "/v1/x%5c..%5cadmin",
    "/v1/a%5Cb",
    "/v1\\..\\admin",
    "/v1%2f..%2fadmin",
    "/v1/%252e%252e%252fadmin",
    "/v1/%25252e%25252e/admin",
    "/v1/%25252525252e",
    "/v1/..;/admin",
    "/v1/..;a=b/admin",
    "/v1/.;/x",
    "/v1/%2e%2e;/admin",
    "/v1/..%3b/admin",
    "/v1/..%20/admin",
    "/v1/..%00/admin",
    "/v1/x%00",
    "/v1/x%0d%0aHost:%20y",
    "/v1/%c0%ae%c0%ae/admin",
    "/v1/%ff",
  ])("%s is not covered", (path, { expect }) => {
    expect(coversPath(["/v1/*", "/exact"], pathnameOf(path))).toBe(false);
  });

  it("is everything that begins as a pattern says that ends without a slash", ({ expect }) => {
    expect(coversPath(["/v1*"], "/v1")).toBe(true);
    expect(coversPath(["/v1*"], "/v1evil")).toBe(true);
    expect(coversPath(["/v1*"], "/v1%2f..%2fadmin")).toBe(false);
  });

  it("is none when no pattern is there", ({ expect }) => {
    expect(coversPath([], "/")).toBe(false);
  });
});

describe("a path that an author writes", () => {
  it.for(["/", "/*", "/v1/*", "/v1*", "/v1/charges", "/caf%C3%A9", "/group%2Fproject/*"])(
    "%s is taken",
    (text, { expect }) => {
      expect(pathPattern(text)).toEqual({ pattern: text });
    },
  );

  it.for([
    ["", "slash"],
    ["v1/*", "slash"],
    ["*", "slash"],
    ["/v1/*/x", "at its end"],
    ["/v1/**", "at its end"],
    ["/v1?x=1", "without ?"],
    ["/v1#x", "without ?"],
    ["/v1/../x", 'write "/x"'],
    ["/a b", 'write "/a%20b"'],
    ["/a\\b", 'write "/a/b"'],
    ["/café", 'write "/caf%C3%A9"'],
    ["/v1/..%2fx", ".."],
    ["/v1/%5cx", "backslash"],
    [`/${"a".repeat(1_024)}`, "1024"],
  ])("%s is refused: %s", ([text, why], { expect }) => {
    expect(pathPattern(text as string)).toEqual({ problem: expect.stringContaining(why as string) });
  });
});
