import { describe, it, vi } from "vitest";
import { endingOf, exitCodeOf } from "./exit.ts";

const withCode = (exitCode: unknown) => Object.assign(new Error("Container exited"), { exitCode });

describe("the end of a container", () => {
  it("with a code is an exit with that code", ({ expect }) => {
    expect(endingOf(withCode(3))).toEqual({ kind: "exited", exitCode: 3, reason: "ExitedWithCode" });
    expect(endingOf(withCode(143))).toMatchObject({ kind: "exited", exitCode: 143 });
  });

  it("with 137 that nobody here caused is lost, never the user's failure", ({ expect }) => {
    expect(endingOf(withCode(137))).toEqual({ kind: "lost", exitCode: 137, reason: "Killed" });
  });

  it.for(["Container failed to start", "Error: No such image: local/x:1"])(
    "%j is an image that does not boot",
    (text, { expect }) => {
      expect(endingOf(new Error(text))).toEqual({ kind: "refused", exitCode: null, reason: "ImageDoesNotBoot" });
      expect(endingOf(new Error("monitor", { cause: new Error(text) })).kind).toBe("refused");
    },
  );

  it.for([new Error("something new"), "text", null, undefined, { exitCode: 1 }])(
    "%o is lost, since it says nothing",
    (error, { expect }) => {
      vi.spyOn(console, "warn").mockImplementation(() => undefined);
      expect(endingOf(error)).toEqual({ kind: "lost", exitCode: null, reason: "Unknown" });
    },
  );

  it("has its code found in the causes, but not without end", ({ expect }) => {
    expect(exitCodeOf(new Error("a", { cause: new Error("b", { cause: withCode(9) }) }))).toBe(9);
    expect(exitCodeOf(withCode("9"))).toBeNull();
    const loop = new Error("loop");
    loop.cause = loop;
    expect(exitCodeOf(loop)).toBeNull();
  });
});
