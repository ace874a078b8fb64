/**
 * One session: a workerd with its containers, from nothing to gone. The control plane knows the session's id, so that
 * it takes containers of earlier ones for lost.
 */
import { startImageLoader } from "../images/loader.ts";
import { startContainerBackend } from "./container-backend.ts";
import { untilHealthy, type ControlPlane } from "./control-plane.ts";
import { startHost } from "./host-process.ts";
import { listInstances, runJanitor } from "./janitor.ts";
import { LaunchError } from "./launch-error.ts";
import type { Settings } from "./settings.ts";
import { bundleWorkloads } from "./workload-bundles.ts";

/** The first start builds images, which may mean pulling them. */
const READY_TIMEOUT_MS = 5 * 60_000;

export interface SessionOptions {
  readonly settings: Settings;
  readonly plane: ControlPlane;
  readonly log: (line: string) => void;
  /** Every line that wrangler, workerd and the image builds print. */
  readonly onLine: (line: string) => void;
  readonly onProcess: (pid: number) => void;
  /** The process group in which all of them run. */
  readonly onGroup: (pid: number) => void;
  /** Gives up a start that is under way. */
  readonly signal: AbortSignal;
}

export interface Session {
  /** The engine's own, and the tag under which it has the images of this session. */
  readonly dockerSocket: string;
  readonly imageTag: string;
  readonly standIns: readonly string[];
  /** Resolves with the reason when the session ended by itself; its containers may still run until `stop`. */
  readonly ended: Promise<string>;
  /** Ends workerd, then removes the containers. Safe to call on a session that ended. */
  stop(): Promise<void>;
}

/** Resolves when the control plane answers. Leaves nothing behind where it fails. */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { settings, plane, log, onLine, onProcess, onGroup, signal } = options;
  // A first start installs and pulls for minutes: whoever gives up does not wait for that.
  const [backend] = await Promise.race([
    Promise.all([
      startContainerBackend({ projectDir: settings.projectDir, log }),
      bundleWorkloads(settings.projectDir),
    ]),
    rejectOnAbort(signal),
  ]);
  const loader = await startImageLoader({
    dockerSocket: backend.dockerSocket,
    projectDir: settings.projectDir,
    log,
  });
  loader.useRegistry(new URL(plane.url).host);
  const imageTag = `gantry-${settings.port}`;
  const host = startHost({
    host: {
      configPath: settings.configPath,
      port: settings.port,
      persistTo: settings.persistTo,
      session: backend.session,
      imageTag,
      vars: loader.vars,
    },
    env: backend.env,
    onLine,
    onProcess,
    onGroup,
  });
  const janitor = new AbortController();
  const stop = async () => {
    janitor.abort();
    await host.stop();
    await loader.close();
    await backend.close();
  };
  const over = new AbortController();
  try {
    const limit = AbortSignal.timeout(READY_TIMEOUT_MS);
    await Promise.race([
      untilHealthy(plane, AbortSignal.any([signal, limit, over.signal])),
      host.ended.then((reason) => {
        throw new LaunchError(reason);
      }),
    ]);
  } catch (error) {
    over.abort();
    await stop();
    throw error;
  }
  void runJanitor(
    {
      socket: backend.dockerSocket,
      session: backend.session,
      knownInstances: () => listInstances(plane.url, plane.token),
      log,
    },
    janitor.signal,
  );
  const { standIns, dockerSocket } = backend;
  return { standIns, dockerSocket, imageTag, ended: host.ended, stop };
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(new LaunchError("stopped"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
  });
}
