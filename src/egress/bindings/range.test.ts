import { describe, it } from "vitest";
import { rangeOf, spanOf } from "./range.ts";

const span = (header: string, size: number) => {
  const range = rangeOf(header);
  return range === null ? "ignored" : spanOf(range, size);
};

describe("a range", () => {
  it.for([
    ["bytes=0-0", 10, { first: 0, last: 0 }],
    ["bytes=0-4", 10, { first: 0, last: 4 }],
    ["bytes=9-9", 10, { first: 9, last: 9 }],
    ["bytes=5-", 10, { first: 5, last: 9 }],
    ["bytes=5-100", 10, { first: 5, last: 9 }],
    ["bytes=-3", 10, { first: 7, last: 9 }],
    ["bytes=-100", 10, { first: 0, last: 9 }],
    [" Bytes = 1 - 2 ", 10, { first: 1, last: 2 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=10-20", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    [`bytes=${"9".repeat(400)}-`, 10, "unsatisfiable"],
    [`bytes=1-${"9".repeat(400)}`, 10, { first: 1, last: 9 }],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-5", 0, "whole"],
  ] as const)("%s of %i bytes", ([header, size, expected], { expect }) => {
    expect(span(header, size)).toEqual(expected);
  });

  it.for(["", "bytes=", "bytes=-", "bytes=4-2", "bytes=0-1,3-4", "bytes=a-b", "items=0-1", "bytes=1", "bytes=--1"])(
    "that is not one of bytes is ignored: %s",
    (header, { expect }) => {
      expect(rangeOf(header)).toBeNull();
    },
  );
});
