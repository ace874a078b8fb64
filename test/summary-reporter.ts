/**
 * Counts what a vitest run came to, for `npm test`, which prints it as its last line. What fails outside of a test (an
 * import, a hook, an unhandled rejection) counts as failed: its tests did not run, and nothing else would show it.
 */
import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Names the file that the counts are written to. */
export const SUMMARY_VARIABLE = "GANTRY_TEST_SUMMARY";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const path = process.env[SUMMARY_VARIABLE];
    if (path !== undefined) writeFileSync(path, JSON.stringify(count(modules, unhandledErrors.length)));
  }
}

export function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    counts.failed += module.errors().length > 0 ? 1 : 0;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length > 0 ? 1 : 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // A test that is still pending was cut off with its file.
      counts[state === "pending" ? "failed" : state]++;
    }
  }
  return counts;
}
