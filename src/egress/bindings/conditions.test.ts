import { describe, it } from "vitest";
import { GantryError } from "../../errors.ts";
import { conditionsOf, judge, rangeHolds, writeConditions } from "./conditions.ts";

const STORED = { etag: "abc", uploaded: new Date("2026-01-01T00:00:10.700Z") };
const BEFORE = "Thu, 01 Jan 2026 00:00:09 GMT";
const THEN = "Thu, 01 Jan 2026 00:00:10 GMT";
const AFTER = "Thu, 01 Jan 2026 00:00:11 GMT";

const verdict = (headers: Record<string, string>) => judge(conditionsOf(new Headers(headers)), STORED);

describe("a conditional read", () => {
  it.for([
    [{}, "holds"],
    [{ "if-match": '"abc"' }, "holds"],
    [{ "if-match": '"x", "abc"' }, "holds"],
    [{ "if-match": "*" }, "holds"],
    [{ "if-match": '"x"' }, "failed"],
    [{ "if-match": 'W/"abc"' }, "failed"],
    [{ "if-none-match": '"abc"' }, "not_modified"],
    [{ "if-none-match": 'W/"abc"' }, "not_modified"],
    [{ "if-none-match": '"x","y,z", "abc"' }, "not_modified"],
    [{ "if-none-match": "*" }, "not_modified"],
    [{ "if-none-match": '"x"' }, "holds"],
    [{ "if-modified-since": BEFORE }, "holds"],
    [{ "if-modified-since": THEN }, "not_modified"],
    [{ "if-modified-since": AFTER }, "not_modified"],
    [{ "if-modified-since": "yesterday" }, "holds"],
    [{ "if-unmodified-since": BEFORE }, "failed"],
    [{ "if-unmodified-since": THEN }, "holds"],
    [{ "if-unmodified-since": "never" }, "holds"],
    // An ETag says more than a date: the date beside it counts for nothing.
    [{ "if-none-match": '"x"', "if-modified-since": AFTER }, "holds"],
    [{ "if-match": '"abc"', "if-unmodified-since": BEFORE }, "holds"],
    [{ "if-match": '"abc"', "if-none-match": '"abc"' }, "not_modified"],
  ] as const)("%j: %s", ([headers, expected], { expect }) => {
    expect(verdict(headers)).toBe(expected);
  });

  it.for(["abc", '"abc', '"a" "b"', "", '*, "a"', "W/abc"])(
    "with an ETag that is none is refused: %s",
    (tag, { expect }) => {
      for (const name of ["if-match", "if-none-match"]) {
        expect(() => conditionsOf(new Headers({ [name]: tag }))).toThrow(GantryError);
      }
    },
  );
});

describe("If-Range", () => {
  it.for([
    [null, true],
    ['"abc"', true],
    ['"x"', false],
    ['W/"abc"', false],
    [THEN, true],
    [BEFORE, false],
    [AFTER, false],
    ["nonsense", false],
  ] as const)("%s", ([header, expected], { expect }) => {
    expect(rangeHolds(header, STORED)).toBe(expected);
  });
});

describe("conditions of a write", () => {
  it("are handed to R2 as they were meant", ({ expect }) => {
    const given = new Headers({ "if-match": '  "a" ,W/"b"', "if-none-match": "*" });
    expect([...(writeConditions(conditionsOf(given)) ?? [])]).toEqual([
      ["if-match", '"a", W/"b"'],
      ["if-none-match", "*"],
    ]);
    expect(writeConditions(conditionsOf(new Headers()))).toBeNull();
  });
});
