/**
 * A process of its own that runs the control plane on workerd, through wrangler, for one session. The launcher starts
 * it in a process group of its own and tells it by messages when to stop.
 *
 * wrangler answers the death of workerd by starting another behind a closed port, and every reload replaces workerd,
 * which leaves its containers out of reach. So nothing is watched here, and a death ends this process: the launcher
 * starts a new session for either.
 */
import { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import { basename, join } from "node:path";
import { unstable_startWorker as startWorker } from "wrangler";
import { localBucket } from "../local-bucket/plugin.ts";
import { hostOptions, type HostMessage } from "./worker-host-protocol.ts";

const options = hostOptions.parse(JSON.parse(process.argv[2] ?? ""));
const runtimes = new Set<ChildProcess>();
let stopping = false;

function tell(message: HostMessage): void {
  if (process.connected) process.send?.(message);
}

/** Ends at once with everything below; the launcher removes what is left in the process group. */
function end(code: number): never {
  for (const runtime of runtimes) runtime.kill("SIGKILL");
  process.exit(code);
}

function fail(error: unknown): void {
  if (stopping) return;
  tell({ type: "failed", reason: reasonOf(error) });
  end(1);
}

/** wrangler wraps what went wrong in events and errors; the innermost message says most. */
function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null) {
    if ("cause" in error && error.cause !== undefined && error.cause !== null) return reasonOf(error.cause);
    if ("message" in error) return String(error.message);
    if ("reason" in error) return String(error.reason);
  }
  return String(error);
}

function watchRuntime(child: ChildProcess): void {
  if (child.pid === undefined || !basename(child.spawnfile).startsWith("workerd")) return;
  runtimes.add(child);
  tell({ type: "runtime-started", pid: child.pid });
  child.once("exit", (code, signal) => {
    runtimes.delete(child);
    // `killed` is set where wrangler ended it itself.
    if (child.killed || stopping) return;
    tell({ type: "runtime-died", pid: child.pid ?? 0, code, signal });
    end(1);
  });
}

// Published before the process runs: its name and pid are there a tick later.
subscribe("child_process", (message) => {
  if (typeof message !== "object" || message === null || !("process" in message)) return;
  if (message.process instanceof ChildProcess) process.nextTick(watchRuntime, message.process);
});

// The launcher sends `stop`; signals meant for the terminal's group reach only the launcher.
process.on("disconnect", () => end(0));
process.on("SIGTERM", () => end(0));
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

const worker = await startWorker({
  config: options.configPath,
  bindings: {
    ...Object.fromEntries(
      Object.entries({ ...options.vars, GANTRY_SESSION: options.session }).map(([name, value]) => [
        name,
        { type: "plain_text" as const, value },
      ]),
    ),
    REGISTRY_BLOBS: localBucket(join(options.persistTo, "registry-blobs")),
    SAMPLES_R2: localBucket(join(options.persistTo, "samples")),
  },
  dev: {
    server: { hostname: "127.0.0.1", port: options.port },
    // No --remote, no login: everything is on this machine.
    remote: false,
    watch: false,
    inspector: false,
    persist: options.persistTo,
    logLevel: "log",
    containerBuildId: options.imageTag,
  },
});
// What the platform does at each minute of a deployed Worker, and workerd alone does not.
const MINUTE_MS = 60_000;
const TRIGGER = `http://127.0.0.1:${options.port}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`;
setInterval(() => {
  // One that fails has said so in the log, and the next comes in a minute.
  worker.fetch(TRIGGER).catch(() => undefined);
}, MINUTE_MS).unref();
worker.raw.on("error", fail);
worker.raw.on("buildFailed", fail);
process.on("message", (message) => {
  if (message !== "stop") return;
  stopping = true;
  void worker.dispose().finally(() => end(0));
});
await worker.ready;
tell({ type: "ready" });
