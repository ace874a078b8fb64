/** Both sides on this machine, each a workerd of its own with a store of its own; neither needs Docker. */
import { constants } from "node:fs";
import { access, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTestHarness, type TestHarness } from "wrangler";

export interface ApiServers {
  readonly oursPort: number;
  readonly peerPort: number;
  close(): Promise<void>;
}

/** Linux' folder whose files are in memory. */
const MEMORY = "/dev/shm";

/** Whether stores can be kept in memory here. */
export async function hasMemoryFolder(): Promise<boolean> {
  return await access(MEMORY, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/**
 * `ours` and `peer` are folders with a Worker each. `inMemory`: an object's store is a file of its own, and what a disk
 * takes for 1,000 new files says nothing of the Workers.
 */
export async function startServers(ours: string, peer: string, inMemory = false): Promise<ApiServers> {
  process.env["WRANGLER_SEND_METRICS"] = "false";
  const harnesses: TestHarness[] = [];
  const { TMPDIR } = process.env;
  const folder = inMemory ? await mkdtemp(join(MEMORY, "gantry-bench-")) : null;
  // Where the harness makes its stores, at the moment that it starts.
  if (folder !== null) process.env["TMPDIR"] = folder;
  const close = async () => {
    await Promise.allSettled(harnesses.map((harness) => harness.close()));
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  };
  const listen = async (name: string): Promise<number> => {
    const root = join(import.meta.dirname, "..", name);
    const harness = createTestHarness({ root, workers: [{ configPath: "./wrangler.jsonc" }] });
    harnesses.push(harness);
    return Number((await harness.listen()).url.port);
  };
  try {
    return { peerPort: await listen(peer), oursPort: await listen(ours), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  }
}
