import { describe, it } from "vitest";
import { bytesText } from "./bytes.ts";

describe("a size", () => {
  it.for([
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_024, "1.0 KiB"],
    [1_536, "1.5 KiB"],
    [10 * 1_024, "10 KiB"],
    [504 * 2 ** 20, "504 MiB"],
    [2 ** 30, "1.0 GiB"],
    [5_000 * 2 ** 40, "5000 TiB"],
  ] as const)("of %i bytes is %s", ([bytes, text], { expect }) => {
    expect(bytesText(bytes)).toBe(text);
  });
});
