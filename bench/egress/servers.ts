/** Both sides on this machine, each a workerd that fetches by itself, on one container engine. */
import { join } from "node:path";
import { startContainerBackend } from "../../dev/launcher/container-backend.ts";
import { bundleWorkloads } from "../../dev/launcher/workload-bundles.ts";
import { startOwnWorker, type OwnWorker } from "../../test/e2e/own-network.ts";
import { keepSignalListeners } from "../proxy/servers.ts";

const BENCH_DIR = join(import.meta.dirname, "..");
const PROJECT_DIR = join(BENCH_DIR, "..");

export interface EgressServers {
  readonly oursPort: number;
  readonly peerPort: number;
  readonly standIns: readonly string[];
  close(): Promise<void>;
}

/** `upstream`: the origin that everything of the outside is. */
export async function startServers(log: (line: string) => void, upstream: string): Promise<EgressServers> {
  const restoreSignals = keepSignalListeners();
  const backend = await startContainerBackend({ projectDir: PROJECT_DIR, log });
  const workers: OwnWorker[] = [];
  const close = async () => {
    await Promise.allSettled(workers.map((worker) => worker.stop()));
    await backend.close();
  };
  const start = async (folder: string, vars: Record<string, string>): Promise<number> => {
    const worker = await startOwnWorker(join(BENCH_DIR, folder, "wrangler.jsonc"), vars);
    workers.push(worker);
    return Number(worker.url.port);
  };
  try {
    await bundleWorkloads(PROJECT_DIR);
    Object.assign(process.env, backend.env, { WRANGLER_SEND_METRICS: "false" });
    const peerPort = await start("egress/peer", { UPSTREAM: upstream });
    const connectTo = JSON.stringify({ "*": upstream });
    const oursPort = await start("control-plane", { GANTRY_EGRESS_CONNECT_TO: connectTo });
    restoreSignals();
    return { oursPort, peerPort, standIns: backend.standIns, close };
  } catch (error) {
    await close();
    throw error;
  }
}
