/**
 * Everything that real containers need under a wrangler of this process: the runtime, the socket proxy, and labels by
 * which exactly these containers can be removed. Used by the launcher, once per session, and by end-to-end tests.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareRuntime } from "../runtime/prepare.ts";
import { startSocketProxy } from "../socket-proxy/socket-proxy.ts";
import { OWNER_LABEL, ownerLabel, PROJECT_LABEL, projectLabel, removeAbandoned, removeSession } from "./containers.ts";
import { identify, isAlive } from "./processes.ts";

export interface ContainerBackendOptions {
  readonly projectDir: string;
  readonly log: (line: string) => void;
}

export interface ContainerBackend {
  /** For wrangler, Miniflare and vitest. */
  readonly env: Record<string, string>;
  readonly session: string;
  /** The engine's own socket, for the launcher. */
  readonly dockerSocket: string;
  /** What is done otherwise than the ordinary way, one line each. */
  readonly standIns: readonly string[];
  removeContainers(): Promise<number>;
  /** Removes the containers and closes the proxy; the engine goes on. */
  close(): Promise<void>;
}

const liveSessions = new Set<string>();

export async function startContainerBackend({ projectDir, log }: ContainerBackendOptions): Promise<ContainerBackend> {
  const runtime = await prepareRuntime({ projectDir, log });
  const self = identify(process.pid);
  const project = projectLabel(projectDir);
  const left = await removeAbandoned(runtime.dockerSocket, project, { isAlive, self, ownSessions: liveSessions });
  if (left > 0) log(`Removed ${left} containers that an earlier run left behind.`);
  const session = randomUUID();
  liveSessions.add(session);
  const folder = await mkdtemp(join(tmpdir(), "gantry-"));
  const proxy = await startSocketProxy({
    upstream: runtime.dockerSocket,
    socketPath: join(folder, "docker.sock"),
    session,
    labels: { [PROJECT_LABEL]: project, ...(self === undefined ? {} : { [OWNER_LABEL]: ownerLabel(self) }) },
  });
  const host = `unix://${proxy.socketPath}`;
  const removeContainers = () => removeSession(runtime.dockerSocket, session);
  return {
    env: { ...runtime.env, DOCKER_HOST: host, WRANGLER_DOCKER_HOST: host },
    session,
    dockerSocket: runtime.dockerSocket,
    standIns: runtime.standIns,
    removeContainers,
    close: async () => {
      liveSessions.delete(session);
      // First the proxy: nothing can be created through it while containers are being removed.
      await proxy.close();
      await rm(folder, { recursive: true, force: true });
      await removeContainers();
    },
  };
}
