/** A control plane on real workerd for one walk: production code, a container platform in memory, a store of its own. */
import { createTestHarness } from "wrangler";

export const ACCOUNT_ID = "00000000000000000000000000000001";
export const TOKEN = "contract-token";

export interface Server {
  readonly origin: URL;
  close(): Promise<void>;
}

export async function startServer(): Promise<Server> {
  process.env["WRANGLER_SEND_METRICS"] = "false";
  const harness = createTestHarness({ root: import.meta.dirname, workers: [{ configPath: "./wrangler.jsonc" }] });
  const { url } = await harness.listen();
  return { origin: url, close: () => harness.close() };
}
