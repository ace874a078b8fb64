/** The decisions of `npm test`: which projects run, and what a run came to. */
import type { Counts } from "../test/summary-reporter.ts";

export const PROJECTS = ["unit", "workers", "cli", "contract", "e2e", "long", "conformance"] as const;

/** What takes its time, and seldom breaks where nothing else does: asked for by name, and a part of `.ci/run`. */
const BY_NAME: readonly string[] = ["contract", "long", "conformance"];

const WITH_CONTAINERS: readonly string[] = ["e2e", "long", "conformance"];

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
  return { projects: named.length > 0 ? named : PROJECTS.filter((name) => !BY_NAME.includes(name)), rest };
}

/** The projects that need Docker, and those that do not. */
export function splitByContainers(projects: readonly string[]): { contained: string[]; free: string[] } {
  const contained = projects.filter((name) => WITH_CONTAINERS.includes(name));
  return { contained, free: projects.filter((name) => !contained.includes(name)) };
}

/** A run without counts never got to its end; one that fails says so in the counts. */
export function settle(counts: Counts | undefined, exitCode: number): Counts {
  if (counts === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
