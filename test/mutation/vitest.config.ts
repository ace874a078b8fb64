/** What a mutant has to survive: the unit tests of the code that is mutated, and a few seeds of the simulators. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "src/orchestrator/**/*.test.ts",
      "src/containers/**/*.test.ts",
      "src/account/capacity/**/*.test.ts",
      "test/mutation/simulated.test.ts",
    ],
    silent: true,
    restoreMocks: true,
  },
});
