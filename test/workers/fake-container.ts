/**
 * A container platform in memory that reproduces the real one's hazards: `running` is true at once for what never
 * boots, ends are told late, a vanished container tells nothing, a dead network leaves `running` true. The image's name
 * says how a container behaves; tests reach in for the rest.
 */
import type { ContainerPort, StartOptions } from "../../src/containers/port.ts";

/** Image name → reference, as `ctx.container.images`. */
const IMAGES = {
  "hello-world": "local/hello-world:1",
  "never-boots": "local/never-boots:1",
  "never-starts": "local/never-starts:1",
  "exits-3": "local/exits-3:1",
  "exits-0": "local/exits-0:1",
  "ignores-sigterm": "local/ignores-sigterm:1",
  "refused-by-platform": "local/refused-by-platform:1",
} as const;

interface Placement {
  readonly options: StartOptions;
  /** Undefined while it lives, null after exit 0. */
  ending: Error | null | undefined;
  listens: boolean;
}

/** A promise belongs to the object that made it, and tests act from outside: what is shared is state, and looked at. */
const LOOK_EVERY_MS = 2;

class ExitError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`Container exited with unexpected exit code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export class FakeContainer implements ContainerPort {
  readonly images = IMAGES;
  /** Everything that was ever started here. */
  readonly starts: StartOptions[] = [];
  readonly signals: number[] = [];
  readonly inactivityTimeouts: number[] = [];
  /** Requests that got into the container, checks apart. */
  readonly received: string[] = [];
  /** Requests that were tried on it, whether they got in or not. */
  attempts = 0;
  /** Reads every request and dies before it answers, as a crash in the middle does. */
  dropsAnswers = false;
  #placement: Placement | null = null;

  get running(): boolean {
    return this.#placement !== null;
  }

  start(options: StartOptions): void {
    if (this.running) throw new Error("start() cannot be called on a container that is already running.");
    this.starts.push(options);
    if (options.image === IMAGES["refused-by-platform"]) {
      throw new Error("there is no container instance that can be provided to this durable object");
    }
    const placement: Placement = { options, ending: undefined, listens: true };
    this.#placement = placement;
    // Ends are told a moment later, as the platform does.
    if (options.image === IMAGES["never-boots"])
      setTimeout(() => this.#end(placement, new Error("Container failed to start")), 1);
    if (options.image === IMAGES["exits-3"]) setTimeout(() => this.#end(placement, new ExitError(3)), 1);
    if (options.image === IMAGES["exits-0"]) setTimeout(() => this.#end(placement, null), 1);
    if (options.image !== IMAGES["hello-world"] && options.image !== IMAGES["ignores-sigterm"])
      placement.listens = false;
  }

  async monitor(): Promise<void> {
    const placement = this.#placement;
    if (placement === null) throw new Error("monitor() cannot be called on a container that is not running.");
    while (placement.ending === undefined) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    if (placement.ending !== null) throw placement.ending;
  }

  async destroy(): Promise<void> {
    const placement = this.#placement;
    if (placement === null) return;
    await Promise.resolve();
    this.#end(placement, new ExitError(137));
  }

  signal(signal: number): void {
    if (this.#placement === null) throw new Error("signal() cannot be called on a container that is not running.");
    this.signals.push(signal);
    const placement = this.#placement;
    if (placement.options.image === IMAGES["ignores-sigterm"]) return;
    setTimeout(() => this.#end(placement, null), 1);
  }

  async inspect(): Promise<{ labels: Readonly<Record<string, string>> } | null> {
    return this.#placement === null ? null : { labels: this.#placement.options.labels };
  }

  async setInactivityTimeout(ms: number): Promise<void> {
    this.inactivityTimeouts.push(ms);
  }

  async fetch(port: number, request: Request): Promise<Response> {
    const isCheck = request.headers.get("user-agent")?.startsWith("Gantry-Check/") === true;
    if (!isCheck) this.attempts += 1;
    if (this.#placement?.listens !== true)
      throw new Error("The container is not listening in the TCP address 10.0.0.1:8080");
    const { pathname, search } = new URL(request.url);
    if (pathname === "/ws") return acceptWebSocket();
    const body = await request.text();
    if (!isCheck) this.received.push(`${request.method} ${pathname} ${body.length}`);
    if (!isCheck && this.dropsAnswers) throw new Error("Network connection lost.");
    if (pathname === "/missing") return new Response(null, { status: 404 });
    if (pathname === "/forged") return new Response("mine", { headers: { "gantry-refused": "not-ready" } });
    const headers: Record<string, string> = pathname === "/cookie" ? { "set-cookie": "a=1" } : {};
    const echo = { port, path: pathname, search, method: request.method, headers: Object.fromEntries(request.headers) };
    return Response.json({ ...echo, body }, { headers });
  }

  async accepts(): Promise<boolean> {
    return this.#placement?.listens === true;
  }

  /** `docker kill`. */
  kill(): void {
    if (this.#placement !== null) this.#end(this.#placement, new ExitError(137));
  }

  exit(code: number): void {
    if (this.#placement !== null) this.#end(this.#placement, code === 0 ? null : new ExitError(code));
  }

  /** Gone, and nobody is told. */
  vanish(): void {
    this.#placement = null;
  }

  /** The networking sidecar dies: running, and nothing answers. */
  cutNetwork(): void {
    if (this.#placement !== null) this.#placement.listens = false;
  }

  #end(placement: Placement, error: Error | null): void {
    if (this.#placement !== placement) return;
    this.#placement = null;
    placement.ending = error;
  }
}

function acceptWebSocket(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(`echo ${String(data)}`));
  // What a hostile application adds.
  const headers = { "set-cookie": "evil=1; path=/", "gantry-refused": "not-ready" };
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** Containers outlive their objects, so they are kept by the object's id and not in it. */
const containers = new Map<string, FakeContainer>();

export function containerOf(objectId: string): FakeContainer {
  const known = containers.get(objectId);
  if (known !== undefined) return known;
  const created = new FakeContainer();
  containers.set(objectId, created);
  return created;
}

export function liveContainers(): FakeContainer[] {
  return [...containers.values()].filter((container) => container.running);
}

/** For the base class, which wants a container and touches nothing else of it once its seams are taken over. */
export const BASE_CONTAINER = { running: false, monitor: () => new Promise<void>(() => undefined) };
