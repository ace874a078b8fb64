import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "vitest";
import { isSource, watchSources } from "./source-watch.ts";

describe("what counts as a source", () => {
  it.for([
    ["api/routes.ts", true],
    ["hello-world/Dockerfile", true],
    ["hello-world/dist/server.js", false],
    ["api/routes.test.ts", false],
    [".swap.ts.swp", false],
    ["routes.ts~", false],
  ] as const)("%s: %s", ([path, expected], { expect }) => {
    expect(isSource(path)).toBe(expected);
  });
});

describe("watching the sources", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gantry-watch-"));
    await mkdir(join(folder, "src/api"), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.for(["src/api/new.ts", "wrangler.jsonc"])(
    "sees %s, once however often it is written",
    async (path, { expect }) => {
      const watch = watchSources(folder);
      const seen = watch.changed();
      await writeFile(join(folder, path), "1");
      await writeFile(join(folder, path), "2");
      await seen;
      watch.close();
      expect(true).toBe(true);
    },
  );
});
