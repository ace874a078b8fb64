import { describe, it } from "vitest";
import { idle, type SeenContainer } from "./janitor.ts";

const OBJECT_A = "a".repeat(64);
const OBJECT_B = "b".repeat(64);

function container(id: string, object: string, running: boolean, suffix = ""): SeenContainer {
  return { id, name: `/workerd-0123-gantry-Instance-${object}${suffix}`, running };
}

describe("what looks left over", () => {
  it("is a sidecar whose workload has exited, with the workload", ({ expect }) => {
    const found = idle([container("1", OBJECT_A, false), container("2", OBJECT_A, true, "-proxy")]);
    expect([...found]).toEqual([[OBJECT_A, ["1", "2"]]]);
  });

  it("is a sidecar without any workload", ({ expect }) => {
    expect([...idle([container("2", OBJECT_A, true, "-proxy")])]).toEqual([[OBJECT_A, ["2"]]]);
  });

  it("is not the pair whose workload runs, even when its sidecar is dead", ({ expect }) => {
    const found = idle([
      container("1", OBJECT_A, true),
      container("2", OBJECT_A, false, "-proxy"),
      container("3", OBJECT_B, false),
    ]);
    expect([...found.keys()]).toEqual([OBJECT_B]);
  });

  it("is nothing that workerd has not named", ({ expect }) => {
    expect(idle([{ id: "1", name: "/postgres", running: false }]).size).toBe(0);
  });
});
