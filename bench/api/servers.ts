/** Both sides on this machine, each a workerd of its own with a store of its own; neither needs Docker. */
import { join } from "node:path";
import { createTestHarness, type TestHarness } from "wrangler";

export interface ApiServers {
  readonly oursPort: number;
  readonly peerPort: number;
  close(): Promise<void>;
}

export async function startServers(): Promise<ApiServers> {
  process.env["WRANGLER_SEND_METRICS"] = "false";
  const harnesses: TestHarness[] = [];
  const close = async () => {
    await Promise.allSettled(harnesses.map((harness) => harness.close()));
  };
  const listen = async (folder: string): Promise<number> => {
    const root = join(import.meta.dirname, folder);
    const harness = createTestHarness({ root, workers: [{ configPath: "./wrangler.jsonc" }] });
    harnesses.push(harness);
    return Number((await harness.listen()).url.port);
  };
  try {
    return { peerPort: await listen("peer"), oursPort: await listen("gantry"), close };
  } catch (error) {
    await close();
    throw error;
  }
}
