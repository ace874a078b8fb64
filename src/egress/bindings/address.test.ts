import { describe, it } from "vitest";
import { addressOf } from "./address.ts";

const at = (url: string) => addressOf(new URL(url));
const key = (path: string) => at(`http://r2.gantry.internal${path}`).key;

describe("an address", () => {
  it.for([
    ["/FILES/a", "a"],
    ["/FILES/a/b/c", "a/b/c"],
    ["/FILES", ""],
    ["/FILES/", ""],
    ["/FILES//a", "/a"],
    ["/FILES/a/", "a/"],
    ["/FILES/a%2Fb", "a/b"],
    ["/FILES/a%252Fb", "a%2Fb"],
    ["/FILES/a+b%20c", "a+b c"],
    ["/FILES/%E2%98%83/☃", "☃/☃"],
    ["/FILES/a?x=1", "a"],
    ["/FILES/a%3Fx", "a?x"],
    // Dots between slashes are a URL's, those that are encoded with their slashes are a key's.
    ["/FILES/a/../b", "b"],
    ["/FILES/a/%2e%2e/b", "b"],
    ["/FILES/a/.%2E/b", "b"],
    ["/FILES/a%2F..%2Fb", "a/../b"],
    [String.raw`/FILES/a\..\b`, "b"],
  ] as const)("%s has the key %j", ([path, expected], { expect }) => {
    expect(key(path)).toBe(expected);
  });

  it("never leaves a binding's own path unseen", ({ expect }) => {
    expect(at("http://r2.gantry.internal/FILES/%2e%2e/OTHER/a")).toMatchObject({ binding: "OTHER", key: "a" });
  });

  it("takes the type from the host, in every spelling", ({ expect }) => {
    expect(at("http://KV.gantry.internal/NAMES/a").type).toBe("kv");
    expect(at("https://kv.gantry.internal./NAMES/a").type).toBe("kv");
  });

  it("of an object has its name, and the rest as it was sent", ({ expect }) => {
    const url = "http://do.gantry.internal/ROOMS/a%2Fb/x%2Fy/%2520?q=%20+";
    expect(at(url)).toMatchObject({ type: "do", binding: "ROOMS", key: "a/b", rest: "/x%2Fy/%2520?q=%20+" });
    expect(at("http://do.gantry.internal/ROOMS/a").rest).toBe("/");
  });

  it.for(["/", "//a"])("without a binding is not found: %s", (path, { expect }) => {
    expect(() => at(`http://r2.gantry.internal${path}`)).toThrow(expect.objectContaining({ code: "ROUTE_NOT_FOUND" }));
  });

  it.for(["/FILES/%", "/FILES/%ff", "/FILES/%zz", "/%ff/a"])("that is not UTF-8 is refused: %s", (path, { expect }) => {
    expect(() => at(`http://r2.gantry.internal${path}`)).toThrow(expect.objectContaining({ code: "VALIDATE_INPUT" }));
  });

  it.for([
    ["r2", 1_024],
    ["kv", 512],
    ["do", 1_024],
  ] as const)("of %s has at most %i bytes of UTF-8", ([type, limit], { expect }) => {
    const base = `http://${type}.gantry.internal/X/`;
    expect(at(`${base}${"a".repeat(limit)}`).key).toHaveLength(limit);
    expect(at(`${base}${"é".repeat(limit / 2)}`).key).toHaveLength(limit / 2);
    for (const long of ["a".repeat(limit + 1), `${"é".repeat(limit / 2)}a`]) {
      expect(() => at(`${base}${long}`)).toThrow(expect.objectContaining({ code: "VALIDATE_INPUT" }));
    }
  });
});
