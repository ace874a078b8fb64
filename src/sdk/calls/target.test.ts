import * as fc from "fast-check";
import { describe, it } from "vitest";
import { readAddress } from "../testing/address.ts";
import { addressOf, checkId, checkPort, checkSize, checkWait, headerOf, pathOf } from "./target.ts";

describe("a path", () => {
  it("is a path, or that of a URL", ({ expect }) => {
    expect(pathOf("/a?b=1")).toBe("/a?b=1");
    expect(pathOf("https://example.com/a?b=1#c")).toBe("/a?b=1");
    expect(pathOf(new URL("https://example.com"))).toBe("/");
    expect(pathOf("//host/x")).toBe("//host/x");
  });

  it.for(["", "a", "data:text/plain,x", "javascript:alert(1)", "file:///etc/passwd"])(
    "is not %j",
    (path, { expect }) => {
      expect(() => pathOf(path)).toThrowError("must begin with / or be a whole URL");
    },
  );
});

/** What the encoding of one sign changes, and no more. */
const decoded = (path: string) => path.replace(/^\/%40/, "/@").replace(/^\/%3A/, "/:");

describe("an address", () => {
  it("reaches what it names, whatever the id and the path are", ({ expect }) => {
    const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
    const ids = fc.string({ minLength: 1, maxLength: 128, unit: visible });
    const hostile = fc.constantFrom("/../", "/@other/", "/:1/", "/%2e%2e/", "//", "/a/web/", "\\..\\", "?", "#", "%2F");
    const paths = fc.array(fc.oneof(hostile, fc.string())).map((parts) => `/${parts.join("")}`);
    const targets = fc.record({ id: fc.option(ids), port: fc.option(fc.integer({ min: 1, max: 65_535 })) });
    const run = () =>
      fc.assert(
        fc.property(targets, paths, ({ id, port }, path) => {
          const target = {
            application: "web",
            mode: id === null ? ("any" as const) : ("get" as const),
            ...(id === null ? {} : { id }),
            ...(port === null ? {} : { port }),
          };
          const request = new Request(addressOf(target, path), { headers: [[...headerOf(target, [])]] });
          const read = readAddress(request);
          return (
            new URL(request.url).origin === "http://gantry.internal" &&
            read?.application === "web" &&
            read.id === (id ?? undefined) &&
            read.port === (port ?? undefined) &&
            decoded(read.path) === decoded(pathOf(path))
          );
        }),
        { numRuns: 500 },
      );
    expect(run).not.toThrow();
  });
});

describe("a header", () => {
  it("says the mode, and only what was asked for", ({ expect }) => {
    expect(headerOf({ application: "web", mode: "get", id: "a" }, [])).toEqual(["gantry-call", '{"mode":"get"}']);
    const target = { application: "web", mode: "pool", size: 2, waitMs: 3 } as const;
    expect(JSON.parse(headerOf(target, ["x"])[1])).toEqual({
      mode: "pool",
      exclude: ["x"],
      size: 2,
      waitMs: 3,
    });
  });
});

describe("a bad argument", () => {
  it.for([
    ["id", () => checkId("")],
    ["id", () => checkId(7)],
    ["id", () => checkId("é")],
    ["id", () => checkId("x".repeat(129))],
    ["port", () => checkPort(0)],
    ["port", () => checkPort(65_536)],
    ["port", () => checkPort("80")],
    ["size", () => checkSize(0)],
    ["size", () => checkSize(Number.NaN)],
    ["waitMs", () => checkWait(-1)],
  ] as const)("is refused with its name: %s", ([field, run], { expect }) => {
    expect(run).toThrowError(
      expect.objectContaining({ code: "VALIDATE_INPUT", details: { [field]: expect.any(String) } }),
    );
  });
});
