/**
 * Starts the process that hosts workerd, in a group of its own, and knows when it ended and why. The group is what is
 * killed: a Ctrl-C in the terminal reaches only the launcher, and nothing below outlives `stop`.
 */
import { fork } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { kill } from "./processes.ts";
import { hostMessage, type HostOptions } from "./worker-host-protocol.ts";

const HOST = join(import.meta.dirname, "worker-host.ts");

/** workerd keeps nothing in memory that must be saved, so a slow goodbye is cut short. */
const STOP_GRACE_MS = 2000;

export interface HostProcessOptions {
  readonly host: HostOptions;
  readonly env: Readonly<Record<string, string>>;
  /** Every line that wrangler, workerd and the image builds print. */
  readonly onLine: (line: string) => void;
  readonly onProcess: (pid: number) => void;
  readonly onGroup: (pid: number) => void;
}

export interface HostProcess {
  /** Resolves with the reason once everything below is gone. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export function startHost({ host, env, onLine, onProcess, onGroup }: HostProcessOptions): HostProcess {
  const child = fork(HOST, [JSON.stringify(host)], {
    detached: true,
    env: { ...process.env, ...quietWrangler, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const group = child.pid ?? 0;
  if (group > 0) {
    onProcess(group);
    onGroup(group);
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", onLine);
  }
  let reason: string | undefined;
  child.on("message", (raw) => {
    const message = hostMessage.parse(raw);
    if (message.type === "runtime-started") onProcess(message.pid);
    else if (message.type === "failed") reason ??= message.reason;
    else if (message.type === "runtime-died") {
      reason ??= `workerd (process ${message.pid}) ended with ${message.signal ?? `code ${message.code}`}`;
    }
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`wrangler could not be launched: ${error.message}`));
    child.once("exit", (code, signal) => {
      // A killed host leaves workerd behind, in its group.
      if (group > 0) kill(-group, "SIGKILL");
      resolve(reason ?? `wrangler (process ${group}) ended with ${signal ?? `code ${code}`}`);
    });
  });
  return {
    ended,
    stop: async () => {
      if (child.connected) child.send("stop", () => undefined);
      const timer = setTimeout(() => kill(-group, "SIGKILL"), STOP_GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

const quietWrangler = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  // Otherwise Miniflare asks the internet where this machine is.
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};
