/** Blobs of the cache as objects of R2: their names, and their ends. */
import type { Metrics } from "../metrics/metrics.ts";
import type { Entry, Gateway } from "./gateway.ts";

const PREFIX = "blobs/";
/** Of one sweep or one turn of a purge. */
const AT_ONCE = 6;

export function blobKey(digest: string): string {
  return PREFIX + digest.replace(":", "/");
}

export interface BlobPage {
  readonly blobs: readonly (Entry & { readonly digest: string })[];
  readonly cursor: string | null;
}

export async function listBlobs(r2: Gateway, metrics: Metrics, cursor: string | null): Promise<BlobPage | null> {
  metrics.r2("list");
  const page = await r2.list(PREFIX, cursor);
  if (page === null) return null;
  const blobs = page.entries.map((entry) => ({
    ...entry,
    digest: entry.key.slice(PREFIX.length).replace("/", ":"),
  }));
  return { blobs, cursor: page.cursor };
}

/** How many of them are gone. */
export async function deleteBlobs(r2: Gateway, metrics: Metrics, digests: readonly string[]): Promise<number> {
  let gone = 0;
  for (let from = 0; from < digests.length; from += AT_ONCE) {
    const answers = await Promise.all(
      digests.slice(from, from + AT_ONCE).map(async (digest) => {
        metrics.r2("delete");
        const response = await r2.ask(blobKey(digest), { method: "DELETE" });
        await response?.body?.cancel();
        return response?.ok === true;
      }),
    );
    gone += answers.filter(Boolean).length;
  }
  return gone;
}
