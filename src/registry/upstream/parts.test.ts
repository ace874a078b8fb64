import { describe, it } from "vitest";
import { endpointOf, refusalOf, upstreamRepository } from "./domains.ts";
import { ecrApi, parseEcrLogin } from "./ecr.ts";
import { gcpLogin } from "./gcp.ts";
import { contentLength, parseContentRange, rangeHeader, retryAfter } from "./range.ts";
import { nextOf, parseTags } from "./tags.ts";
import { parseToken } from "./tokens.ts";

describe("the registry of a domain", () => {
  it("is asked where it answers", ({ expect }) => {
    expect(endpointOf("docker.io", false)).toEqual({ origin: "https://registry-1.docker.io", isPrivate: false });
    expect(endpointOf("ghcr.io", false)).toEqual({ origin: "https://ghcr.io", isPrivate: false });
    expect(endpointOf("r.example.com:8443", false)).toEqual({ origin: "https://r.example.com:8443", isPrivate: false });
    expect(endpointOf("localhost:5000", true)).toEqual({ origin: "http://localhost:5000", isPrivate: true });
    expect(endpointOf("127.0.0.1:5000", true)).toEqual({ origin: "http://127.0.0.1:5000", isPrivate: true });
    expect(endpointOf("10.0.0.5:5000", true)).toEqual({ origin: "https://10.0.0.5:5000", isPrivate: true });
  });

  it.for([
    "localhost:5000",
    "127.0.0.1:5000",
    "10.1.2.3",
    "169.254.169.254",
    "metadata.google.internal",
    "[::1]:5000",
    "registry",
    "0x7f.1",
    "[fd00::1]",
    "[::ffff:10.0.0.1]",
  ])("is not asked at %s when that is not allowed", (domain, { expect }) => {
    expect(endpointOf(domain, false)).toEqual(expect.any(String));
  });

  it.for(["a.example/x", "user@a.example", "a.example?x", "", "a b"])("is none at %s", (domain, { expect }) => {
    expect(endpointOf(domain, true)).toEqual(expect.stringContaining("is no host"));
  });

  it("calls one word library at Docker Hub alone", ({ expect }) => {
    expect(upstreamRepository("docker.io", "alpine")).toBe("library/alpine");
    expect(upstreamRepository("docker.io", "team/web")).toBe("team/web");
    expect(upstreamRepository("ghcr.io", "alpine")).toBe("alpine");
  });

  const far = { origin: "https://r.example.com", isPrivate: false };
  it.for([
    ["https://cdn.example.net/x", null],
    ["http://cdn.example.net/x", "plain http"],
    ["https://10.0.0.1/", "private"],
    ["https://169.254.169.254/latest/meta-data", "private"],
    ["https://metadata.google.internal/", "private"],
    ["https://localhost/", "private"],
    ["https://[::1]/", "private"],
    ["https://[64:ff9b::a00:1]/", "private"],
    ["https://2130706433/", "private"],
    ["https://user:pass@cdn.example.net/", "password"],
    ["ftp://cdn.example.net/", "ftp"],
    [`https://cdn.example.net/${"a".repeat(9_000)}`, "too long"],
  ] as const)("may lead to %s or not", ([target, problem], { expect }) => {
    const refusal = refusalOf(new URL(target), new URL(far.origin), far);
    expect(refusal).toEqual(problem === null ? null : expect.stringContaining(problem));
  });

  it("that is a private one may lead to others, and to none over plain http from https", ({ expect }) => {
    const near = { origin: "http://127.0.0.1:5000", isPrivate: true };
    expect(refusalOf(new URL("http://127.0.0.1:5001/"), new URL(near.origin), near)).toBeNull();
    expect(refusalOf(new URL("http://127.0.0.1:5001/"), new URL("https://127.0.0.1:1/"), near)).not.toBeNull();
  });

  it("never leads to a gateway of Gantry's own, which would take it for whoever asks", ({ expect }) => {
    const own = { origin: "http://registry.gantry.internal", isPrivate: true };
    const from = (origin: string, to: string) => refusalOf(new URL(to), new URL(origin), { ...own, origin });
    expect(from(own.origin, "http://registry.gantry.internal/v2/a/blobs/uploads")).toBeNull();
    for (const to of ["kv.gantry.internal", "r2.gantry.internal.", "control.gantry.internal", "app.gantry.internal"]) {
      expect(from(own.origin, `http://${to}/x`)).toEqual(expect.stringContaining("no registry"));
      expect(from("http://127.0.0.1:5000", `http://${to}/x`)).toEqual(expect.stringContaining("no registry"));
      expect(endpointOf(to, true)).toEqual(expect.stringContaining("Gantry's own"));
    }
  });
});

describe("what registries say", () => {
  it("of ranges is taken where it can be true", ({ expect }) => {
    expect(rangeHeader({ start: 5, end: 9 })).toBe("bytes=5-9");
    expect(rangeHeader({ start: 5, end: null })).toBe("bytes=5-");
    expect(parseContentRange("bytes 5-9/20")).toEqual({ start: 5, end: 9, total: 20 });
    expect(parseContentRange("Bytes 0-0/*")).toEqual({ start: 0, end: 0, total: null });
    for (const none of [null, "", "bytes 9-5/20", "bytes 0-20/20", "bytes */20", "items 0-1/2", "bytes 0-1"]) {
      expect(parseContentRange(none)).toBeNull();
    }
  });

  it("of lengths counts where the bytes arrive as they were sent", ({ expect }) => {
    expect(contentLength(new Headers({ "content-length": "12" }))).toBe(12);
    expect(contentLength(new Headers({ "content-length": "12", "content-encoding": "gzip" }))).toBeNull();
    expect(contentLength(new Headers({ "content-length": "-1" }))).toBeNull();
    expect(contentLength(new Headers())).toBeNull();
  });

  it("of when to come again is seconds or a date", ({ expect }) => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(retryAfter("120", now)).toBe(120);
    expect(retryAfter("Thu, 01 Jan 2026 00:01:00 GMT", now)).toBe(60);
    expect(retryAfter("Wed, 31 Dec 2025 00:01:00 GMT", now)).toBe(0);
    for (const none of [null, "", "soon", "99999999999999"]) expect(retryAfter(none, now)).toBeNull();
  });

  it("as a token is one, or it is not", ({ expect }) => {
    expect(parseToken('{"token":"a.b"}')).toEqual({ token: "a.b", seconds: 60 });
    expect(parseToken('{"token":"","access_token":"x","expires_in":10}')).toEqual({ token: "x", seconds: 10 });
    expect(parseToken('{"token":"x","expires_in":1e12}')).toEqual({ token: "x", seconds: 86_400 });
    expect(parseToken('{"token":"x","expires_in":"soon"}')).toEqual({ token: "x", seconds: 60 });
    for (const none of ["", "null", "[]", "{}", '{"token":7}', '{"token":"a\\nb"}', '{"token":"a b"}']) {
      expect(parseToken(none)).toBeNull();
    }
  });

  it("as tags is a list, and the next page is of the same one", ({ expect }) => {
    expect(parseTags('{"tags":["a","b",7,"no tag"]}')).toEqual(["a", "b"]);
    expect(parseTags('{"tags":null}')).toEqual([]);
    for (const none of ["", "{}", '{"tags":"a"}', "null"]) expect(parseTags(none)).toBeNull();
    const path = "/v2/a/tags/list";
    const from = new URL(`https://r.example${path}?n=2`);
    expect(nextOf('</v2/a/tags/list?n=2&last=b>; rel="next"', from, path)).toBe("?n=2&last=b");
    expect(nextOf("<https://r.example/v2/a/tags/list?next_page=xyz>;rel=next", from, path)).toBe("?next_page=xyz");
    for (const none of [
      null,
      "</v2/a/tags/list?n=2>; rel=next",
      '<https://other.example/v2/a/tags/list?last=b>; rel="next"',
      '</v2/b/tags/list?last=b>; rel="next"',
      '</v2/a/tags/list?last=b>; rel="prev"',
    ]) {
      expect(nextOf(none, from, path)).toBeNull();
    }
  });
});

function data(token: string, expiresAt?: number): string {
  return JSON.stringify({ authorizationData: [{ authorizationToken: btoa(token), expiresAt }] });
}

describe("logins of clouds", () => {
  it("of Google are the key itself, however it is written", ({ expect }) => {
    expect(gcpLogin("a@b", '{"type":"service_account"}')).toEqual({
      user: "_json_key",
      password: '{"type":"service_account"}',
    });
    const encoded = btoa('{"type":"service_account"}');
    expect(gcpLogin("a@b", `${encoded}\n`)).toEqual({ user: "_json_key_base64", password: encoded });
    expect(gcpLogin("oauth2accesstoken", "ya29.x")).toEqual({ user: "oauth2accesstoken", password: "ya29.x" });
  });

  it("of Amazon come from the API of the region", ({ expect }) => {
    expect(ecrApi("123456789012.dkr.ecr.eu-west-1.amazonaws.com")).toEqual({
      url: "https://api.ecr.eu-west-1.amazonaws.com/",
      region: "eu-west-1",
    });
    expect(ecrApi("evil.example.com")).toBeNull();
    expect(parseEcrLogin(data("AWS:pw:d", 1_700_000_000))).toEqual({ password: "pw:d", expiresAt: 1_700_000_000_000 });
    expect(parseEcrLogin(data("AWS:x"))).toEqual({ password: "x", expiresAt: null });
    for (const none of ["", "{}", "[]", '{"authorizationData":[]}', data("AWS:"), data("root:x")]) {
      expect(parseEcrLogin(none)).toBeNull();
    }
  });
});
