/** Both registries on this machine: ours in workerd on the local bucket, as the launcher runs it, and Debian's docker-registry. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { localBucket } from "../../dev/local-bucket/plugin.ts";
import { startOwnWorker } from "../../test/e2e/own-network.ts";
import { startDockerRegistry, type RegistryUser } from "../../test/e2e/registry-tools.ts";
import { keepSignalListeners } from "../proxy/servers.ts";

const CONFIG = join(import.meta.dirname, "gantry/wrangler.jsonc");
const ACCOUNT_ID = "00000000000000000000000000000001";
const CREDENTIALS = `/client/v4/accounts/${ACCOUNT_ID}/containers/registries/registry.cloudflare.com/credentials`;

export type SideName = "ours" | "docker-registry";

export interface RegistrySide {
  readonly name: SideName;
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  /** Null: it asks for nobody. */
  readonly user: RegistryUser | null;
  stop(): Promise<void>;
}

/** Empty, as every one that is started. */
export async function startOurs(): Promise<RegistrySide> {
  const restoreSignals = keepSignalListeners();
  const folder = await mkdtemp(join(tmpdir(), "gantry-bench-registry-"));
  const removeFolder = async () => await rm(folder, { recursive: true, force: true });
  try {
    Object.assign(process.env, { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" });
    const worker = await startOwnWorker(CONFIG, {}, { REGISTRY_BLOBS: localBucket(folder) });
    restoreSignals();
    const stop = async () => {
      await worker.stop();
      await removeFolder();
    };
    const user = await credentials(worker.url);
    return { name: "ours", host: `127.0.0.1:${worker.url.port}`, user, stop };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

export async function startPeer(): Promise<RegistrySide> {
  const registry = await startDockerRegistry();
  return { name: "docker-registry", host: registry.host, user: null, stop: async () => await registry.stop() };
}

const issued = z.object({ result: z.object({ username: z.string(), password: z.string() }) });

async function credentials(url: URL): Promise<RegistryUser> {
  const answer = await fetch(new URL(CREDENTIALS, url), {
    method: "POST",
    headers: { authorization: "Bearer bench-token", "content-type": "application/json" },
    body: JSON.stringify({ expiration_minutes: 60, permissions: ["push", "pull"] }),
  });
  if (!answer.ok) throw new Error(`no credentials: ${answer.status} ${await answer.text()}`);
  const { result } = issued.parse(await answer.json());
  return { user: result.username, password: result.password };
}
