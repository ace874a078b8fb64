/**
 * The peer: the `Container` class of `@cloudflare/containers`, used as its README says. `?instance=` names the object,
 * so that a benchmark can ask for one that never ran.
 */
import { Container, getContainer } from "@cloudflare/containers";

export class Hello extends Container {
  override defaultPort = 8080;
  override sleepAfter = "10m";
  override enableInternet = false;
}

interface StockEnv {
  readonly HELLO: DurableObjectNamespace<Hello>;
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const container = getContainer(env.HELLO, searchParams.get("instance") ?? "warm");
    if (pathname === "/__bench/destroy") {
      await container.destroy();
      return new Response("destroyed\n");
    }
    return await container.fetch(request);
  },
} satisfies ExportedHandler<StockEnv>;
