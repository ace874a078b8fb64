import { describe, it } from "vitest";
import { chooseProjects, settle, splitByContainers, summaryLine } from "./test-plan.ts";

describe("the arguments of npm test", () => {
  it.for([
    [[], ["unit", "workers", "cli", "e2e"], []],
    [["unit"], ["unit"], []],
    [["unit", "plan", "-t", "drain"], ["unit"], ["plan", "-t", "drain"]],
    [["--project=e2e", "workers"], ["e2e", "workers"], []],
    [["plan"], ["unit", "workers", "cli", "e2e"], ["plan"]],
    [["conformance"], ["conformance"], []],
  ] as const)("%j", ([args, projects, rest], { expect }) => {
    expect(chooseProjects(args)).toEqual({ projects, rest });
  });
});

describe("the projects that need Docker", () => {
  it("are told from those that run anywhere", ({ expect }) => {
    expect(splitByContainers(["unit", "workers", "cli", "contract", "e2e", "conformance"])).toEqual({
      contained: ["e2e", "conformance"],
      free: ["unit", "workers", "cli", "contract"],
    });
  });
});

describe("the result of a run", () => {
  const counts = { passed: 3, failed: 0, skipped: 1 };
  it.for([
    ["as counted", counts, 0, "3 passed, 0 failed, 1 skipped"],
    ["failed though no test did", counts, 1, "3 passed, 1 failed, 1 skipped"],
    ["failed without counts", undefined, 1, "0 passed, 1 failed, 0 skipped"],
    ["failed where it ended before it counted", undefined, 0, "0 passed, 1 failed, 0 skipped"],
  ] as const)("is %s", ([, seen, code, line], { expect }) => {
    expect(summaryLine(settle(seen, code))).toBe(line);
  });
});
