import { describe, it, vi } from "vitest";
import { connectToOf, mapUrl, parseConnectTo } from "./connect-to.ts";

function mapped(map: object, url: string): string | null {
  const parsed = parseConnectTo(JSON.stringify(map));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return mapUrl(parsed.entries, new URL(url))?.href ?? null;
}

const MAP = {
  "*.example.test": "http://127.0.0.1:1001",
  "api.example.test": "http://127.0.0.1:1002",
  "*.deep.example.test": "http://[::1]:1003",
  "93.184.216.34": "https://127.0.0.1:1004",
  "[2001:db8::1]": "http://127.0.0.1:1005",
};

describe("a map of hosts", () => {
  it.for([
    ["https://api.example.test/a%20b/?c=d&e#f", "http://127.0.0.1:1002/a%20b/?c=d&e"],
    ["http://API.example.test./", "http://127.0.0.1:1002/"],
    ["http://other.example.test/", "http://127.0.0.1:1001/"],
    ["http://very.deep.example.test/", "http://[::1]:1003/"],
    ["http://deep.example.test/", "http://127.0.0.1:1001/"],
    ["http://example.test/", null],
    ["http://notexample.test/", null],
    ["http://0x5db8d822/x", "https://127.0.0.1:1004/x"],
    ["https://[2001:db8:0::1]/x", "http://127.0.0.1:1005/x"],
    ["http://user:pass@api.example.test/", "http://127.0.0.1:1002/"],
  ] as const)("sends %s to %s", ([url, target], { expect }) => {
    expect(mapped(MAP, url)).toBe(target);
  });

  it("sends all else where * says", ({ expect }) => {
    expect(mapped({ ...MAP, "*": "http://127.0.0.1:9" }, "https://example.test/x")).toBe("http://127.0.0.1:9/x");
    expect(mapped({ ...MAP, "*": "http://127.0.0.1:9" }, "http://a.example.test/")).toBe("http://127.0.0.1:1001/");
  });

  it("is nothing when it is empty", ({ expect }) => {
    expect(connectToOf({})(new URL("http://a.test/"))).toBeNull();
    expect(connectToOf({ GANTRY_EGRESS_CONNECT_TO: "" })(new URL("http://a.test/"))).toBeNull();
    expect(connectToOf({ GANTRY_EGRESS_CONNECT_TO: "{}" })(new URL("http://a.test/"))).toBeNull();
  });

  it.for([
    ["{", "is no JSON"],
    ["[]", "must be an object"],
    ["null", "must be an object"],
    ['{"a b": "http://127.0.0.1:1"}', "no host"],
    ['{"a.test:80": "http://127.0.0.1:1"}', ""],
    ['{"a.*": "http://127.0.0.1:1"}', "no host"],
    ['{"": "http://127.0.0.1:1"}', "no host"],
    ['{"a.test": "127.0.0.1:1"}', "no origin"],
    ['{"a.test": "http://127.0.0.1:1/path"}', "no origin"],
    ['{"a.test": "ftp://127.0.0.1"}', "no origin"],
    ['{"a.test": 7}', "no origin"],
  ] as const)("that is %s stops every request and says why, once in the log", ([text, why], { expect }) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    for (const url of ["http://a.test/", "http://other.test/"]) {
      const connectTo = connectToOf({ GANTRY_EGRESS_CONNECT_TO: text });
      if (text.includes(":80")) {
        expect(connectTo(new URL(url))?.host ?? null).toBe(url.includes("//a.test") ? "127.0.0.1:1" : null);
        continue;
      }
      expect(() => connectTo(new URL(url))).toThrow(/GANTRY_EGRESS_CONNECT_TO of the control plane is broken/);
      expect(() => connectTo(new URL(url))).toThrow(why);
    }
    expect(logged).toHaveBeenCalledTimes(text.includes(":80") ? 0 : 1);
  });
});
