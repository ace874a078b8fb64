/**
 * Seven projects, by cost: `unit` (pure code on Node), `workers` (the objects inside workerd, on a fake container), `cli`
 * (commands against workerd), `contract` (requests made from openapi.json against workerd), `e2e` (real workerd and real
 * Docker containers), `long` (the same, for minutes, and in a browser), `conformance` (the same, driven by the clients that
 * people have). `npm test` runs them in this order, but for `contract`, `long` and `conformance`, which `.ci/run` adds.
 */
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { memoryFolder } from "./dev/memory-folder.ts";

// Where workerd's stores are made, by this process and by those that it starts.
const folder = memoryFolder();
if (folder !== undefined) process.env["TMPDIR"] = folder;

/** Vitest leaves one to itself, which is half of two; it waits more than it works. */
const EVERY_CORE = "100%";

export default defineConfig({
  test: {
    // What passed has nothing to say; the control plane logs each write.
    silent: "passed-only",
    projects: [
      {
        test: {
          name: "unit",
          maxWorkers: EVERY_CORE,
          include: [
            "src/**/*.test.ts",
            "dev/**/*.test.ts",
            "cli/**/*.test.ts",
            "containers/**/*.test.ts",
            "test/unit/**/*.test.ts",
            "test/sdk/**/*.test.ts",
            "test/simulation/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/*.e2e.test.ts"],
          // Properties try hundreds of cases, on machines that are busy with other things too.
          testTimeout: 60_000,
          restoreMocks: true,
          sequence: { groupOrder: 0 },
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: "./test/workers/worker.ts",
            wrangler: { configPath: "./test/workers/wrangler.jsonc" },
            // `GANTRY_SHARDS=2` runs every test on applications that are spread over two objects.
            miniflare: { bindings: { GANTRY_SHARDS: process.env["GANTRY_SHARDS"] ?? "1" } },
          }),
        ],
        test: {
          name: "workers",
          maxWorkers: EVERY_CORE,
          include: ["test/workers/**/*.test.ts"],
          globalSetup: ["./test/workers/outside-server.ts", "./test/workers/outside-registry.ts"],
          // `SHARDED_INSTANCES=2000` is the long run of `shards-scale.test.ts`, many `EVICT_ROUNDS` that of `evict.test.ts`.
          provide: {
            shardedInstances: Number(process.env["SHARDED_INSTANCES"] ?? 40),
            evictions: {
              seed: Number(process.env["EVICT_SEED"] ?? 1),
              rounds: Number(process.env["EVICT_ROUNDS"] ?? 1),
            },
          },
          testTimeout: 30_000,
          restoreMocks: true,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "cli",
          maxWorkers: EVERY_CORE,
          include: ["test/cli/**/*.test.ts"],
          testTimeout: 600_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          // A walk of the default length takes a minute on an idle machine.
          testTimeout: 600_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["**/*.e2e.test.ts"],
          exclude: ["**/node_modules/**", "**/*.long.e2e.test.ts"],
          globalSetup: ["./test/e2e/global-setup.ts"],
          // Containers share two cores and one Docker engine.
          fileParallelism: false,
          hookTimeout: 240_000,
          testTimeout: 120_000,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: "long",
          include: ["**/*.long.e2e.test.ts"],
          exclude: ["**/node_modules/**"],
          globalSetup: ["./test/e2e/global-setup.ts"],
          fileParallelism: false,
          hookTimeout: 240_000,
          testTimeout: 120_000,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          name: "conformance",
          include: ["test/conformance/**/*.test.ts"],
          exclude: ["**/node_modules/**"],
          globalSetup: ["./test/e2e/global-setup.ts"],
          hookTimeout: 240_000,
          testTimeout: 60_000,
          sequence: { groupOrder: 6 },
        },
      },
    ],
  },
});

declare module "vitest" {
  interface ProvidedContext {
    shardedInstances: number;
    evictions: { readonly seed: number; readonly rounds: number };
  }
}
