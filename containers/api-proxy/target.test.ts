import * as fc from "fast-check";
import { describe, it } from "vitest";
import { ConfigurationError, readConfiguration } from "./configuration.ts";
import { rewrittenLocation, targetOf } from "./target.ts";

const upstreamsOf = (value: object) => readConfiguration({ API_PROXY_UPSTREAMS: JSON.stringify(value) }).upstreams;

const UPSTREAMS = upstreamsOf({
  "/api": { url: "https://one.test/v1/" },
  "/api/two": { url: "http://two.test:8080" },
  "/few": { url: "http://few.test/base", paths: ["/posts", "/posts/*", "/a b/*"] },
});

function pathOf(target: string): string {
  const found = targetOf(target, UPSTREAMS);
  if (found.kind === "upstream") return `${found.upstream.origin}${found.path}`;
  return found.kind === "own" ? `own ${found.path}` : `${found.status} ${found.code}`;
}

describe("a path", () => {
  it.for([
    ["/api", "https://one.test/v1"],
    ["/api/", "https://one.test/v1/"],
    ["/api/posts/1?a=b&a=%2F..%2F&c", "https://one.test/v1/posts/1?a=b&a=%2F..%2F&c"],
    ["/api/two", "http://two.test:8080/"],
    ["/api/two?x=1", "http://two.test:8080/?x=1"],
    ["/api/two/x%20y", "http://two.test:8080/x%20y"],
    ["/api/twofold", "https://one.test/v1/twofold"],
    ["/apiary", "own /apiary"],
    ["/health", "own /health"],
    ["/?x", "own /"],
    ["/api/a%2Fb", "https://one.test/v1/a%2Fb"],
    ["/api/a..b/.c/...", "https://one.test/v1/a..b/.c/..."],
  ] as const)("%s is %s", ([asked, expected], { expect }) => {
    expect(pathOf(asked)).toBe(expected);
  });

  it.for([
    "/api/..",
    "/api/../secret",
    "/api/a/../../b",
    "/api/./a",
    "/api/%2e%2e/a",
    "/api/.%2E/a",
    "/api/%252e%252e/a",
    "/api/%25252e%25252e%25252fa",
    "/api/..%2fa",
    "/api/a%2f..%2fb",
    "/api/a%5c..%5cb",
    "/api/..%5Ca",
    "/api/..;/a",
    "/api/..%3Bx/a",
    "/api/a\\..\\b",
    "/api//other.test/a",
    "/api/a%00",
    "/api/a%0d%0aHost:x",
    "/api/%zz",
    "/api/a#b",
    "/api/ä",
    "http://other.test/api/a",
    "*",
    `/api/${"%25".repeat(1)}${"25".repeat(20)}2e`,
  ])("%s is refused", (asked, { expect }) => {
    expect(pathOf(asked)).toBe("400 BAD_PATH");
  });

  it.for([
    ["/few/posts", "http://few.test/base/posts"],
    ["/few/posts/1/comments", "http://few.test/base/posts/1/comments"],
    ["/few/p%6Fsts/1", "http://few.test/base/p%6Fsts/1"],
    ["/few/a%20b/c", "http://few.test/base/a%20b/c"],
    ["/few", "403 PATH_NOT_ALLOWED"],
    ["/few/", "403 PATH_NOT_ALLOWED"],
    ["/few/postscript", "403 PATH_NOT_ALLOWED"],
    ["/few/posts%2F1", "403 PATH_NOT_ALLOWED"],
    ["/few/posts/../users", "400 BAD_PATH"],
    ["/few/users", "403 PATH_NOT_ALLOWED"],
  ] as const)("%s, where few are named, is %s", ([asked, expected], { expect }) => {
    expect(pathOf(asked)).toBe(expected);
  });

  it("whatever it is, never leaves the upstream's base", ({ expect }) => {
    const piece = fc.constantFrom("/", "..", ".", "%2e", "%2E", "%2f", "%5c", "\\", "%25", ";", "a", "%", "%00", "//");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const found = targetOf(`/api/${pieces.join("")}`, UPSTREAMS);
        if (found.kind !== "upstream") return;
        let form = found.path;
        for (let depth = 0; depth < 12; depth += 1) {
          const { pathname } = new URL(form.replaceAll("\\", "/"), "http://x.test");
          expect(pathname.startsWith(found.upstream.basePath)).toBe(true);
          try {
            form = decodeURIComponent(form);
          } catch {
            return;
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("a redirect", () => {
  const [from] = UPSTREAMS.filter(({ prefix }) => prefix === "/api");
  it.for([
    ["/v1/posts?x=1#y", "/api/posts?x=1#y"],
    ["https://one.test/v1/", "/api/"],
    ["../sibling", "/api/sibling"],
    ["//one.test/v1/a", "/api/a"],
    ["http://two.test:8080/b", "/api/two/b"],
    ["/other", null],
    ["/v10/a", null],
    ["http://one.test/v1/a", null],
    ["https://elsewhere.test/v1/a", null],
    ["https://user@one.test/v1/a", null],
    ["javascript:alert(1)", null],
    ["/v1/a%2f..%2f..%2fb", null],
    ["http://few.test/base/users", null],
  ] as const)("to %s is %s", ([location, expected], { expect }) => {
    if (from === undefined) throw new Error("there is /api");
    expect(rewrittenLocation(location, from, "/v1/posts/1", UPSTREAMS)).toBe(expected);
  });
});

describe("the configuration", () => {
  it("leads to JSONPlaceholder where nothing is said", ({ expect }) => {
    expect(readConfiguration({}).upstreams).toMatchObject([
      { prefix: "/api", origin: "https://jsonplaceholder.typicode.com", basePath: "" },
    ]);
  });

  it.for([
    ["{", "is no JSON"],
    ["[]", "must be an object"],
    ["{}", "names no upstream"],
    ['{"api": {}}', "is no prefix"],
    ['{"/api/": {"url": "http://x.test"}}', "is no prefix"],
    ['{"/a/../b": {"url": "http://x.test"}}', "is no prefix"],
    ['{"/health": {"url": "http://x.test"}}', "proxy's own"],
    ['{"/api": {"url": "ftp://x.test"}}', "must be the URL"],
    ['{"/api": {"url": "http://u:p@x.test"}}', "nothing else"],
    ['{"/api": {"url": "http://x.test?a=b"}}', "nothing else"],
    ['{"/api": {"url": "http://x.test", "method": ["GET"]}}', "there is no setting method"],
    ['{"/api": {"url": "http://x.test", "methods": ["CONNECT"]}}', "cannot be passed on"],
    ['{"/api": {"url": "http://x.test", "paths": ["posts"]}}', "begin with a slash"],
    ['{"/api": {"url": "http://x.test", "paths": ["/*/a"]}}', "at the end"],
    ['{"/api": {"url": "http://x.test", "headers": {"a b": "c"}}}', "is no header"],
    ['{"/api": {"url": "http://x.test", "forward": ["a:b"]}}', "no name of a header"],
    ['{"/api": {"url": "http://x.test", "expose": "set-cookie"}}', "list of texts"],
  ] as const)("%s is refused: %s", ([text, message], { expect }) => {
    expect(() => readConfiguration({ API_PROXY_UPSTREAMS: text })).toThrow(ConfigurationError);
    expect(() => readConfiguration({ API_PROXY_UPSTREAMS: text })).toThrow(message);
  });

  it("refuses limits and origins that are none", ({ expect }) => {
    expect(() => readConfiguration({ API_PROXY_IDLE_TIMEOUT_MS: "soon" })).toThrow("a number from 1");
    expect(() => readConfiguration({ API_PROXY_CORS_ORIGINS: "https://a.test/x" })).toThrow("is no origin");
  });
});
