/** The decisions of `npm test`: which projects run, and what a run came to. */
import type { Counts } from "../test/summary-reporter.ts";

export const PROJECTS = ["unit", "workers", "e2e"] as const;

export interface TestPlan {
  readonly projects: readonly string[];
  /** For vitest: file filters and options. */
  readonly rest: readonly string[];
}

export function chooseProjects(args: readonly string[]): TestPlan {
  const named: string[] = [];
  const rest: string[] = [];
  for (const arg of args) {
    const name = arg.replace(/^--project=/, "");
    const project = PROJECTS.find((known) => known === name);
    if (project === undefined) rest.push(arg);
    else named.push(project);
  }
  return { projects: named.length > 0 ? named : PROJECTS, rest };
}

/** A run without counts never got to its end; one that fails says so in the counts. */
export function settle(counts: Counts | undefined, exitCode: number): Counts {
  if (counts === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
