/** What is measured, on this machine: workerd processes, started the same way, on one container engine. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTestHarness, type TestHarness } from "wrangler";
import * as z from "zod";
import { startContainerBackend, type ContainerBackend } from "../../dev/launcher/container-backend.ts";
import { bundleWorkloads } from "../../dev/launcher/workload-bundles.ts";
import { callDocker } from "../../dev/runtime/docker-api.ts";
import { SESSION_LABEL } from "../../dev/socket-proxy/socket-proxy.ts";

const BENCH_DIR = join(import.meta.dirname, "..");
const PROJECT_DIR = join(BENCH_DIR, "..");
/** A stop takes its grace; beyond this something is stuck, and the next sample would not be a cold one. */
const GONE_TIMEOUT_MS = 30_000;
const GONE_POLL_MS = 100;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const SIDECAR_SUFFIX = "-proxy";

const containerList = z.array(z.object({ Names: z.array(z.string()) }));

export interface Servers {
  /** Of the servers, in the order in which they were asked for. */
  readonly ports: readonly number[];
  readonly standIns: readonly string[];
  /** Resolves when no container of this run is left. */
  untilNoContainers(): Promise<void>;
  close(): Promise<void>;
}

/** `servers`: of each its Workers' folders, the one that answers first; all others answer at their routes. */
export async function startServers(
  log: (line: string) => void,
  servers: readonly (readonly string[])[],
): Promise<Servers> {
  const restoreSignals = keepSignalListeners();
  const backend = await startContainerBackend({ projectDir: PROJECT_DIR, log });
  const harnesses: TestHarness[] = [];
  const close = async () => {
    await Promise.allSettled(harnesses.map((harness) => harness.close()));
    await backend.close();
  };
  try {
    await bundleWorkloads(PROJECT_DIR);
    Object.assign(process.env, backend.env, { WRANGLER_SEND_METRICS: "false" });
    const ports: number[] = [];
    for (const folders of servers) {
      const workers = folders.map((folder) => ({ configPath: `./${folder}/wrangler.jsonc` }));
      const harness = createTestHarness({ root: BENCH_DIR, workers });
      harnesses.push(harness);
      ports.push(Number((await harness.listen()).url.port));
    }
    restoreSignals();
    const untilNoContainers = () => untilGone(backend);
    return { ports, standIns: backend.standIns, untilNoContainers, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Miniflare answers a signal with `process.exit`, before containers can be removed. What it adds is dropped again; its
 * `exit` listener, which ends workerd, stays.
 */
export function keepSignalListeners(): () => void {
  const before = SIGNALS.map((signal) => [signal, new Set(process.listeners(signal))] as const);
  return () => {
    for (const [signal, known] of before) {
      for (const listener of process.listeners(signal)) {
        if (!known.has(listener)) process.removeListener(signal, listener);
      }
    }
  };
}

/** workerd keeps the sidecar of a stopped workload for a later start of the same object; here none comes. */
async function untilGone(backend: ContainerBackend): Promise<void> {
  const { dockerSocket, session } = backend;
  const filters = JSON.stringify({ label: [`${SESSION_LABEL}=${session}`], status: ["running"] });
  const path = `/containers/json?filters=${encodeURIComponent(filters)}`;
  const deadline = Date.now() + GONE_TIMEOUT_MS;
  for (;;) {
    const { status, body } = await callDocker(dockerSocket, path);
    if (status !== 200) throw new Error(`Docker could not list containers (${status}): ${body.trim()}`);
    const names = containerList.parse(JSON.parse(body)).flatMap(({ Names }) => Names);
    if (names.every((name) => name.endsWith(SIDECAR_SUFFIX))) break;
    if (Date.now() >= deadline) throw new Error(`still there after an earlier sample: ${names.join(", ")}`);
    await sleep(GONE_POLL_MS);
  }
  await backend.removeContainers();
}
