/** The parts of the server, put together, and which path leads to which of them. */
import { details, type DetailsParts } from "./api/details.ts";
import { download, type DownloadParts } from "./api/download.ts";
import { health, metricsText, purge, type PurgeParts } from "./api/operate.ts";
import { listRegistries, popular, search, type SearchParts } from "./api/search.ts";
import { listTags } from "./api/tags.ts";
import { assetRoutes } from "./http/assets.ts";
import type { Handler, Route } from "./http/router.ts";
import type { PageAsset } from "./page/assets.ts";
import { EVENT_STREAM, sendEvents } from "./progress/events.ts";
import { requireId } from "./progress/transfers.ts";

export type Parts = SearchParts &
  DetailsParts &
  DownloadParts &
  PurgeParts & {
    readonly assets: readonly PageAsset[];
    /** When the server is to end. */
    readonly stopping: AbortSignal;
  };

export function routesOf(parts: Parts): Route[] {
  const downloads = {
    GET: async (call) => await download(call, parts),
    POST: async (call) => await download(call, parts),
  } satisfies Route["handlers"];
  return [
    counted(
      "/api/search",
      both(async (call) => await search(call, parts)),
    ),
    counted(
      "/api/popular",
      both(async (call) => await popular(call, parts)),
    ),
    counted("/api/registries", { GET: async (call) => await listRegistries(call, parts) }),
    counted(
      "/api/tags",
      both(async (call) => await listTags(call, parts)),
    ),
    counted(
      "/api/image-details",
      both(async (call) => await details(call, parts)),
    ),
    // They count themselves, once it is known whose events have to tell of it.
    free("/api/download", downloads),
    free("/api/download-stream", downloads),
    free("/api/downloads/{id}/events", {
      GET: async ({ request, response, parts: { id = "" } }) => {
        if (request.method === "HEAD") response.writeHead(200, { "content-type": EVENT_STREAM }).end();
        else sendEvents(response, requireId(id), parts);
      },
    }),
    counted("/api/cache", { DELETE: async (call) => await purge(call, parts) }),
    counted("/api/cache/{digest}", { DELETE: async (call) => await purge(call, parts) }),
    free("/health", { GET: health }),
    free("/metrics", { GET: async (call) => await metricsText(call, parts.metrics) }),
    ...assetRoutes(parts.assets),
  ];
}

function counted(path: string, handlers: Route["handlers"]): Route {
  return { path, handlers, isCounted: true };
}

function free(path: string, handlers: Route["handlers"]): Route {
  return { path, handlers, isCounted: false };
}

function both(handler: Handler): Route["handlers"] {
  return { GET: handler, POST: handler };
}
