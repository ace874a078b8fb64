/**
 * A proxy on a Unix socket before the Docker engine's. wrangler and workerd are told its path as DOCKER_HOST and
 * WRANGLER_DOCKER_HOST; it labels the containers that they create and switches Docker's own restarts off. It sits on
 * every cold start, so it copies bytes and holds back nothing but the bodies of create requests.
 */
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { rewriteCreateBody } from "./create-body.ts";
import { RequestRewriter } from "./request-rewriter.ts";

/** The label that names the launch a container belongs to. */
export const SESSION_LABEL = "dev.gantry.session";

/** Room in `sockaddr_un` on macOS, the smallest of the systems that matter. */
const MAX_SOCKET_PATH_BYTES = 103;

export interface SocketProxyOptions {
  /** The engine's socket. */
  readonly upstream: string;
  readonly socketPath: string;
  readonly session: string;
  /** Further labels for every container. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface SocketProxy {
  readonly socketPath: string;
  close(): Promise<void>;
}

export async function startSocketProxy(options: SocketProxyOptions): Promise<SocketProxy> {
  const { upstream, socketPath, session } = options;
  if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    throw new Error(`The path of the Docker proxy's socket is too long (${socketPath}): set TMPDIR to a shorter one.`);
  }
  const labels = { ...options.labels, [SESSION_LABEL]: session };
  const rewrite = (body: string) => rewriteCreateBody(body, labels);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.on("close", () => open.delete(client));
    joinToEngine(client, upstream, rewrite);
  });
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  return {
    socketPath,
    close: async () => {
      for (const client of open) client.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function joinToEngine(client: Socket, upstream: string, rewrite: (body: string) => string): void {
  const engine = connect({ path: upstream, allowHalfOpen: true });
  const rewriter = new RequestRewriter({
    rewrite,
    onExpectContinue: () => client.write("HTTP/1.1 100 Continue\r\n\r\n"),
  });
  const drop = () => {
    client.destroy();
    engine.destroy();
    rewriter.destroy();
  };
  let connected = false;
  engine.on("connect", () => (connected = true));
  engine.on("error", (error) => {
    if (connected) drop();
    else refuse(client, 502, `Gantry's Docker proxy cannot reach the engine: ${error.message}`);
  });
  rewriter.on("error", (error) => {
    engine.destroy();
    refuse(client, 400, `Gantry's Docker proxy: ${error.message}`);
  });
  client.on("error", drop);
  // A side that is gone takes the other with it; ends on their own are passed on by pipe().
  client.on("close", drop);
  engine.on("close", () => {
    if (connected && !rewriter.errored) client.destroySoon();
  });
  client.pipe(rewriter).pipe(engine).pipe(client);
}

function refuse(client: Socket, status: number, message: string): void {
  const body = JSON.stringify({ message });
  const head = `HTTP/1.1 ${status} Proxy\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  client.end(head + body, () => client.destroy());
}
