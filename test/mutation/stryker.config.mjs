/** Stryker over the files of `files.ts`, one at a time. */
import { fileURLToPath } from "node:url";

export default {
  testRunner: "vitest",
  plugins: [
    fileURLToPath(import.meta.resolve("@stryker-mutator/vitest-runner")),
    fileURLToPath(import.meta.resolve("./ignore-never.mjs")),
  ],
  ignorers: ["never"],
  vitest: { configFile: "test/mutation/vitest.config.ts", related: true },
  coverageAnalysis: "perTest",
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 10_000,
  timeoutFactor: 3,
  disableTypeChecks: false,
  tempDirName: "test/mutation/.tmp",
  reporters: ["json", "clear-text"],
  jsonReporter: { fileName: "test/mutation/.tmp/report.json" },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  ignorePatterns: ["**", "!src/**", "!test/simulation/**", "!test/unit/**", "!package.json", "!test/mutation/*.ts"],
};
