import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "vitest";
import { checkPortIsFree, portFrom, readSettings } from "./settings.ts";

const PROJECT = join(import.meta.dirname, "../..");

describe("PORT", () => {
  it("is 8787 unless it is set", ({ expect }) => {
    expect([portFrom(undefined), portFrom(""), portFrom("9000")]).toEqual([8787, 8787, 9000]);
  });

  it.for(["0", "65536", "70000", "-1", "8787.5", "http", " 1"])("is refused with a way out: %s", (text, { expect }) => {
    expect(() => portFrom(text)).toThrow(/give a number from 1 to 65535/);
  });

  it("that another program has is named, with a way out", async ({ expect }) => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    await expect(checkPortIsFree(port)).rejects.toThrow(`Port ${port} is in use by another program`);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    await expect(checkPortIsFree(port)).resolves.toBeUndefined();
  });
});

describe("the settings of a launch", () => {
  it("come from this project's wrangler.jsonc", async ({ expect }) => {
    const settings = await readSettings(PROJECT, undefined);
    expect(settings.accountId).toMatch(/^[0-9a-f]{32}$/);
    expect(settings.requiredSecrets).toContain("GANTRY_ADMIN_TOKEN");
  });

  it("keep the state of different ports apart", async ({ expect }) => {
    expect((await readSettings(PROJECT, undefined)).persistTo).toBe(join(PROJECT, ".wrangler/state"));
    expect((await readSettings(PROJECT, "9000")).persistTo).toBe(join(PROJECT, ".wrangler/state-9000"));
  });
});
