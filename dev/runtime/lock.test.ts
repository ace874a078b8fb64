import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { withLock } from "./lock.ts";

const newPath = async () => join(await mkdtemp(join(tmpdir(), "gantry-lock-")), "nested/a.lock");

describe("a lock between processes", () => {
  it("lets one holder in at a time", async ({ expect }) => {
    const path = await newPath();
    let inside = 0;
    const most: number[] = [];
    const hold = () =>
      withLock(path, async () => {
        most.push(++inside);
        await sleep(5);
        inside--;
      });
    await Promise.all([hold(), hold(), hold()]);
    expect(most).toEqual([1, 1, 1]);
  });

  it("is free again after a failure", async ({ expect }) => {
    const path = await newPath();
    await expect(withLock(path, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await withLock(path, () => Promise.resolve("in"))).toBe("in");
  });

  it("is taken from a holder that died", async ({ expect }) => {
    const path = await newPath();
    await withLock(path, () => Promise.resolve());
    const dead = spawn("true");
    await once(dead, "exit");
    await writeFile(path, String(dead.pid));
    expect(await withLock(path, () => Promise.resolve("in"))).toBe("in");
  });
});
