/** What operators ask for: health, metrics, and caches that are to be empty. */
import { createHash, timingSafeEqual } from "node:crypto";
import { isDigest } from "../../../src/registry/oci/digest.ts";
import type { MetadataCache } from "../cache/metadata.ts";
import { purgeAll, purgeLayer } from "../cache/purge.ts";
import type { Stores } from "../cache/sweep.ts";
import { json, send } from "../http/answer.ts";
import { ApiError, badRequest } from "../http/api-error.ts";
import type { Call } from "../http/call.ts";
import { CONTENT_TYPE, type Metrics } from "../metrics/metrics.ts";

export async function health({ request, response }: Call): Promise<void> {
  await send(request, response, json({ status: "healthy", timestamp: new Date().toISOString() }));
}

export async function metricsText({ request, response }: Call, metrics: Metrics): Promise<void> {
  await send(request, response, { status: 200, type: CONTENT_TYPE, body: metrics.text() });
}

export interface PurgeParts {
  readonly stores: Stores;
  readonly metadata: MetadataCache;
  readonly purgeToken: string | null;
}

export async function purge(call: Call, { stores, metadata, purgeToken }: PurgeParts): Promise<void> {
  requireOperator(call, purgeToken);
  const { digest } = call.parts;
  if (digest === undefined) {
    await send(call.request, call.response, json({ deleted: await purgeAll(stores, metadata) }));
    return;
  }
  if (!isDigest(digest)) throw badRequest("digest", "must be sha256: and 64 hex digits");
  const isGone = await purgeLayer(stores, digest);
  if (!isGone) throw new ApiError(503, "CACHE_UNAVAILABLE", "the cache of layers is not there, or does not answer");
  await send(call.request, call.response, json({ deleted: { digest } }));
}

/** Anybody may visit the page: to empty what others wait for is the operator's alone. */
function requireOperator({ request }: Call, token: string | null): void {
  if (token === null) {
    throw new ApiError(403, "PURGE_OFF", "nobody may empty the caches: DOWNLOADER_PURGE_TOKEN is not set");
  }
  const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  // Hashed, so that both have one length.
  if (given === undefined || !timingSafeEqual(hashed(given), hashed(token))) {
    throw new ApiError(401, "UNAUTHORIZED", "send the operator's token: Authorization: Bearer …");
  }
}

function hashed(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
