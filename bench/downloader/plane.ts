/**
 * A control plane as `npm start` runs it, with the downloader as an application of it: archives come through ingress, and
 * what they are made of through egress and the gateway to the bucket.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { startContainerBackend } from "../../dev/launcher/container-backend.ts";
import { bundleWorkloads } from "../../dev/launcher/workload-bundles.ts";
import { localBucket } from "../../dev/local-bucket/plugin.ts";
import { startOwnWorker, type OwnWorker } from "../../test/e2e/own-network.ts";
import { Client, expectOk } from "../proxy/http-client.ts";
import { keepSignalListeners } from "../proxy/servers.ts";

const PROJECT_DIR = join(import.meta.dirname, "../..");
const MANIFEST = join(PROJECT_DIR, "containers/downloader/application.json");
const API = "/client/v4/accounts/00000000000000000000000000000001/containers";
const TOKEN = "bench-token";
const NAME = "downloader";
const READY_MS = 120_000;
const POLL_MS = 100;

export interface Plane {
  readonly port: number;
  /** curl's options and the beginning of an address, by which the application is asked. */
  readonly origin: string;
  readonly curlOptions: readonly string[];
  readonly notes: readonly string[];
  close(): Promise<void>;
}

const manifest = z.looseObject({ name: z.string() });

/** `hosts`: where each of these, asked for by a container, is on loopback. */
export async function startPlane(hosts: Readonly<Record<string, string>>, log: (line: string) => void): Promise<Plane> {
  const restoreSignals = keepSignalListeners();
  const folder = await mkdtemp(join(tmpdir(), "gantry-bench-downloader-"));
  const backend = await startContainerBackend({ projectDir: PROJECT_DIR, log });
  let worker: OwnWorker | undefined;
  const close = async () => {
    await worker?.stop();
    await backend.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await bundleWorkloads(PROJECT_DIR);
    Object.assign(process.env, backend.env, { WRANGLER_SEND_METRICS: "false" });
    worker = await startOwnWorker(
      join(import.meta.dirname, "gantry/wrangler.jsonc"),
      { GANTRY_EGRESS_CONNECT_TO: JSON.stringify(hosts) },
      { REGISTRY_BLOBS: localBucket(join(folder, "registry")), SAMPLES_R2: localBucket(join(folder, "samples")) },
    );
    restoreSignals();
    const port = Number(worker.url.port);
    const host = `${NAME}.localhost:${port}`;
    await startApplication(port, host);
    const notes = backend.standIns.map((line) => `stand-in: ${line}`);
    const curlOptions = ["--header", `host: ${host}`];
    return { port, origin: `http://127.0.0.1:${port}`, curlOptions, notes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startApplication(port: number, host: string): Promise<void> {
  const client = new Client();
  try {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const body = JSON.stringify({ ...manifest.parse(JSON.parse(await readFile(MANIFEST, "utf8"))), name: NAME });
    const api = { port, path: `${API}/applications`, host: `127.0.0.1:${port}` };
    await expectOk(client, api, { method: "POST", headers, body });
    const deadline = Date.now() + READY_MS;
    for (;;) {
      const { status, body: said } = await client.call({ port, path: "/health", host });
      if (status === 200) return;
      if (Date.now() > deadline) throw new Error(`the downloader does not answer: ${status} ${said.slice(0, 200)}`);
      await sleep(POLL_MS);
    }
  } finally {
    client.close();
  }
}
