/**
 * Downloads container images of any registry as one archive: a page, its API, and the archives. It holds no credential:
 * what it may reach, and its caches, are given to it by the network that it is in.
 */
import type { AddressInfo } from "node:net";
import { RegistriesInReach } from "./api/reach.ts";
import { Gateway } from "./cache/gateway.ts";
import { LastUse } from "./cache/last-use.ts";
import { R2Layers } from "./cache/layers.ts";
import { manifestCache } from "./cache/manifests.ts";
import { MetadataCache } from "./cache/metadata.ts";
import { keepSweeping } from "./cache/sweep.ts";
import { readConfig } from "./config.ts";
import { Downloads } from "./downloads.ts";
import { httpServer } from "./http/serve.ts";
import { Hub } from "./hub/hub.ts";
import { RateLimit } from "./limits/rate-limit.ts";
import { Metrics } from "./metrics/metrics.ts";
import { pageAssets } from "./page/assets.ts";
import { Transfers } from "./progress/transfers.ts";
import { bulkFetch } from "./registry/bulk/fetch.ts";
import { Registries } from "./registry/registries.ts";
import { routesOf } from "./routes.ts";

/** While it stops: connections whose last answer is over are kept by clients that know nothing of it. */
const IDLE_MS = 200;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const metrics = new Metrics();
  const kv = new Gateway("kv", config.kvUrl);
  const r2 = new Gateway("r2", config.r2Url);
  const state = new Gateway("do", config.stateUrl);
  const lastUse = new LastUse(kv);
  const bulk = bulkFetch();
  const layers = new R2Layers(r2, lastUse, metrics, bulk.fetch);
  const stores = { r2, kv, lastUse, layers, metrics };
  const metadata = new MetadataCache(kv, metrics);
  const hub = config.hubUrl === null ? null : new Hub(config.hubUrl);
  const upstream = new Registries({
    aliases: config.registries,
    allowPrivate: config.allowPrivate,
    fetch,
    bulkFetch: bulk.fetch,
  });
  const downloads = new Downloads({
    registries: upstream,
    memory: bulk.memory,
    manifests: manifestCache(metadata),
    ...(config.r2Url === null ? {} : { layers }),
  });
  const registries = new RegistriesInReach(config.registries, hub, metadata);
  const stopping = new AbortController();
  const server = httpServer({
    routes: routesOf({
      assets: await pageAssets(),
      downloads,
      hub,
      metadata,
      metrics,
      purgeToken: config.purgeToken,
      registries,
      state,
      stopping: stopping.signal,
      stores,
      transfers: new Transfers(),
      upstream,
    }),
    limit: new RateLimit(config.rateLimit, state),
    metrics,
    clientHeader: config.clientHeader,
    isCrossOrigin: config.isCrossOrigin,
  });
  const stop = (): void => {
    // Archives on their way are sent to their end, for as long as the platform waits; the rest holds nobody up.
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), IDLE_MS);
    stopping.abort();
  };
  // As process 1 there are no default handlers.
  process.on("SIGTERM", stop);
  process.on("SIGINT", () => process.exit(0));
  server.listen(config.port, () => {
    const { port } = server.address() as AddressInfo;
    console.log(JSON.stringify({ level: "info", message: "downloader.listening", port }));
    keepSweeping(stores);
  });
}

main().catch((error: unknown) => {
  console.error(
    JSON.stringify({
      level: "error",
      message: "downloader.start.failed",
      error: error instanceof Error ? error.message : String(error),
    }),
  );
  process.exit(1);
});
