/** Empties the caches, or takes one layer out, for an operator who cannot wait for their end. */
import { deleteBlobs, listBlobs } from "./blobs.ts";
import type { MetadataCache } from "./metadata.ts";
import type { Stores } from "./sweep.ts";

export interface Purged {
  readonly layers: number;
  readonly bytes: number;
  readonly metadata: number;
}

export async function purgeAll(stores: Stores, metadata: MetadataCache): Promise<Purged> {
  const { r2, kv, lastUse, layers: cache, metrics } = stores;
  cache.forget(null);
  let layers = 0;
  let bytes = 0;
  // Always the first page: what was on it is gone.
  for (let isMore = true; isMore;) {
    const page = await listBlobs(r2, metrics, null);
    if (page === null || page.blobs.length === 0) break;
    const deleted = await deleteBlobs(
      r2,
      metrics,
      page.blobs.map(({ digest }) => digest),
    );
    for (const { digest, size } of page.blobs) {
      lastUse.forget(digest);
      bytes += size;
    }
    layers += deleted;
    isMore = page.cursor !== null && deleted === page.blobs.length;
  }
  metadata.clear();
  return { layers, bytes, metadata: await purgeKeys(kv, "metadata/") };
}

/** True: it is not there any more, whether or not it was. */
export async function purgeLayer({ r2, lastUse, layers, metrics }: Stores, digest: string): Promise<boolean> {
  lastUse.forget(digest);
  layers.forget(digest);
  return (await deleteBlobs(r2, metrics, [digest])) === 1;
}

async function purgeKeys(kv: Stores["kv"], prefix: string): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page = await kv.list(prefix, cursor);
    if (page === null) break;
    for (const { key } of page.entries) {
      const response = await kv.ask(key, { method: "DELETE" });
      await response?.body?.cancel();
      count += 1;
    }
    ({ cursor } = page);
  } while (cursor !== null);
  return count;
}
