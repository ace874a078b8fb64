/** When a call goes in a circle. */
import { describe, it } from "vitest";
import { refuseLoop, viaHeader, viaOf } from "./loops.ts";

const via = (text?: string) => viaOf(new Headers(text === undefined ? {} : { "gantry-via": text }));
const codeOf = (text: string | undefined, called: string) => {
  try {
    refuseLoop(via(text), called);
    return "goes on";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("what a call has come through", () => {
  it("is read as it was written, and nothing else is taken for a name", ({ expect }) => {
    expect(via()).toEqual([]);
    expect(via("a, b,c ,, d_1")).toEqual(["a", "b", "c", "d_1"]);
    expect(via('"a", A, a b, é, x'.replace("é", "%e9"))).toEqual(["x"]);
    expect(via(viaHeader(via("a, b"), "c"))).toEqual(["a", "b", "c"]);
    expect(viaHeader([], "c")).toBe("c");
  });

  it("ends it when the same application is called for the third time", ({ expect }) => {
    expect(codeOf(undefined, "a")).toBe("goes on");
    expect(codeOf("a", "a")).toBe("goes on");
    expect(codeOf("a, b", "a")).toBe("goes on");
    expect(codeOf("a, b, a", "b")).toBe("goes on");
    expect(codeOf("a, b, a", "a")).toBe("CALL_LOOP");
    expect(codeOf("a, a, a", "b")).toBe("goes on");
  });

  it("ends it when there are eight", ({ expect }) => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    expect(codeOf(names.slice(0, 7).join(), "z")).toBe("goes on");
    expect(codeOf(names.join(), "z")).toBe("CALL_LOOP");
    expect(codeOf(Array.from({ length: 500 }, (_, n) => `n${n}`).join(), "z")).toBe("CALL_LOOP");
  });
});
