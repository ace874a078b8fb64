import { describe, it, vi } from "vitest";
import { classify, endingOf, exitCodeOf, WORDINGS } from "./exit.ts";

const withCode = (exitCode: unknown) => Object.assign(new Error("Container exited"), { exitCode });

/** As it was seen, and what it comes to. */
const SEEN: readonly (readonly [text: string, kind: string, reason: string])[] = [
  ["there is no container instance that can be provided to this durable object", "unavailable", "NoCapacity"],
  ["There is no Container instance available at this time.", "unavailable", "NoCapacity"],
  ["You are requesting too many containers per second. Please slow down.", "unavailable", "RateLimited"],
  ["Maximum number of running container instances exceeded.", "unavailable", "MaxInstances"],
  ["Container failed to start", "refused", "ImageDoesNotBoot"],
  ["Error: No such image: local/x:1", "refused", "ImageDoesNotBoot"],
  ["Runtime signalled the container to exit: 143", "lost", "RuntimeSignalled"],
  ["runtime signalled the container to exit: due to a new version rollout: 0", "lost", "RuntimeSignalled"],
  ["Container exited with unexpected exit code: 3", "exited", "ExitedWithCode"],
  ["The container is not listening in the TCP address 10.0.0.1:8080", "lost", "NotListening"],
  ["Network connection lost.", "lost", "ConnectionLost"],
  ["monitor() cannot be called on a container that is not running.", "lost", "Vanished"],
  ["start() cannot be called on a container that is already running.", "lost", "AlreadyRunning"],
  ["Durable Object reset because its code was updated.", "lost", "ObjectReset"],
  ["Durable Object storage operation exceeded timeout which caused object to be reset.", "lost", "ObjectReset"],
  ["internal error; reference = abc", "lost", "PlatformError"],
];

describe("the words of an error", () => {
  it.for(SEEN)("%j are %s, %s", ([text, kind, reason], { expect }) => {
    expect(endingOf(new Error(text))).toMatchObject({ kind, reason });
    expect(endingOf(new Error("start", { cause: new Error(text) }))).toMatchObject({ kind, reason });
  });

  it("are each seen by a test", ({ expect }) => {
    for (const { pattern } of WORDINGS)
      expect(
        SEEN.some(([text]) => pattern.test(text)),
        String(pattern),
      ).toBe(true);
  });

  it("that ask for patience are told from those that ask for another image", ({ expect }) => {
    expect(classify("too many containers per second").retryable).toBe(true);
    expect(classify("No such image").retryable).toBe(false);
    expect(classify("a wording of tomorrow").retryable).toBe(true);
  });
});

describe("the end of a container", () => {
  it("with a code is an exit with that code", ({ expect }) => {
    expect(endingOf(withCode(3))).toEqual({ kind: "exited", exitCode: 3, reason: "ExitedWithCode" });
    expect(endingOf(withCode(143))).toMatchObject({ kind: "exited", exitCode: 143 });
    expect(endingOf(new Error("Container exited with unexpected exit code: 3"))).toMatchObject({ exitCode: 3 });
  });

  it("with 137 that nobody here caused is lost, never the user's failure", ({ expect }) => {
    expect(endingOf(withCode(137))).toEqual({ kind: "lost", exitCode: 137, reason: "Killed" });
    expect(endingOf(new Error("Container exited with unexpected exit code: 137")).kind).toBe("lost");
  });

  it("by a signal of the platform is lost, whatever code comes with it", ({ expect }) => {
    const error = Object.assign(new Error("Runtime signalled the container to exit: 0"), { exitCode: 0 });
    expect(endingOf(error)).toEqual({ kind: "lost", exitCode: 0, reason: "RuntimeSignalled" });
  });

  it.for([new Error("something new"), "text", null, undefined, { exitCode: 1 }])(
    "%o is unknown, since it says nothing",
    (error, { expect }) => {
      vi.spyOn(console, "warn").mockImplementation(() => undefined);
      expect(endingOf(error)).toMatchObject({ kind: "unknown", exitCode: null, reason: "Unclassified" });
    },
  );

  it("of unknown words keeps them, but no more than a line", ({ expect }) => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(endingOf(new Error("a wording of tomorrow")).message).toBe("a wording of tomorrow");
    expect(endingOf(new Error("x".repeat(5_000))).message).toHaveLength(200);
  });

  it("has its code found in the causes, but not without end", ({ expect }) => {
    expect(exitCodeOf(new Error("a", { cause: new Error("b", { cause: withCode(9) }) }))).toBe(9);
    expect(exitCodeOf(withCode("9"))).toBeNull();
    const loop = new Error("loop");
    loop.cause = loop;
    expect(exitCodeOf(loop)).toBeNull();
  });
});
