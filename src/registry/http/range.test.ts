import { describe, it } from "vitest";
import { readChunkRange, readRange } from "./range.ts";

describe("a range of a blob", () => {
  it.for([
    [null, 10, "whole"],
    ["bytes=0-4", 10, { offset: 0, length: 5 }],
    ["bytes=4-", 10, { offset: 4, length: 6 }],
    ["bytes=-4", 10, { offset: 6, length: 4 }],
    ["bytes=-40", 10, { offset: 0, length: 10 }],
    ["bytes=5-100", 10, { offset: 5, length: 5 }],
    ["bytes=9-9", 10, { offset: 9, length: 1 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=5-4", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-5", 0, "unsatisfiable"],
    ["bytes=-", 10, "whole"],
    ["bytes=0-1,3-4", 10, "whole"],
    ["bytes=a-b", 10, "whole"],
    ["items=0-1", 10, "whole"],
  ] as const)("%s of %i bytes", ([header, size, answer], { expect }) => {
    expect(readRange(header, size)).toEqual(answer);
  });
});

describe("the range of a chunk", () => {
  it.for([
    [null, null],
    ["0-0", { begin: 0, length: 1 }],
    ["1024-2047", { begin: 1_024, length: 1_024 }],
    ["bytes 5-9/10", { begin: 5, length: 5 }],
    ["bytes 5-9/*", { begin: 5, length: 5 }],
    ["9-5", "invalid"],
    ["0-", "invalid"],
    ["-5", "invalid"],
    ["", "invalid"],
    ["0-99999999999999999999", "invalid"],
  ] as const)("%s", ([header, answer], { expect }) => {
    expect(readChunkRange(header)).toEqual(answer);
  });
});
