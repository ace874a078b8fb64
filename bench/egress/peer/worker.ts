/**
 * The peers: containers without any policy, on the same interception. `/bare/…` is the least that is possible, an object
 * whose interception fetches what it is asked for; `/stock/…` the `Container` class of `@cloudflare/containers` with an
 * `outbound` handler that does the same.
 */
import { Container as StockContainer } from "@cloudflare/containers";
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

export { ContainerProxy } from "@cloudflare/containers";

interface PeerEnv {
  readonly BARE: DurableObjectNamespace<Bare>;
  readonly STOCK: DurableObjectNamespace<Stock>;
  readonly UPSTREAM: string;
}

const PORT = 8080;
const ATTEMPTS = 300;
const ATTEMPT_MS = 100;

/** Names of the outside are a server on loopback, as they are for the other side. */
async function passOn(request: Request, env: PeerEnv): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  return await fetch(new Request(`${env.UPSTREAM}${pathname}${search}`, request));
}

export class Outbound extends WorkerEntrypoint<PeerEnv> {
  override async fetch(request: Request): Promise<Response> {
    return await passOn(request, this.env);
  }
}

export class Bare extends DurableObject<PeerEnv> {
  override async fetch(request: Request): Promise<Response> {
    const { container, exports } = this.ctx;
    if (container === undefined) throw new Error("there is no container");
    if (!container.running) {
      const { Outbound: outbound } = exports as unknown as { Outbound: (options: object) => Fetcher };
      const entrypoint = outbound({});
      await Promise.all([
        container.interceptAllOutboundHttp(entrypoint),
        container.interceptOutboundHttps("*", entrypoint),
      ]);
      container.start({ enableInternet: false });
      await this.#untilReady(container);
    }
    return await container.getTcpPort(PORT).fetch(request);
  }

  async #untilReady(container: Container): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        const answer = await container.getTcpPort(PORT).fetch("http://container/");
        await answer.body?.cancel();
        return;
      } catch {
        await scheduler.wait(ATTEMPT_MS);
      }
    }
    throw new Error("the container does not answer");
  }
}

export class Stock extends StockContainer<PeerEnv> {
  override defaultPort = PORT;
  override sleepAfter = "30m";
  override enableInternet = false;
  override interceptHttps = true;
}
Stock.outbound = (request, env) => passOn(request, env as unknown as PeerEnv);

export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    const [, side, path = ""] = /^\/(bare|stock)(\/.*)$/.exec(pathname) ?? [];
    if (side === undefined) return new Response("no such peer\n", { status: 404 });
    const namespace: DurableObjectNamespace = side === "bare" ? env.BARE : env.STOCK;
    return await namespace.getByName("one").fetch(new Request(`http://container${path}${search}`, request));
  },
} satisfies ExportedHandler<PeerEnv>;
