/**
 * Takes layers out of the cache that nobody has used for a day. Nothing else runs while no instance does, so it is done
 * when one starts and each hour that one runs: once for all of them, and never more of it at a time than it costs little.
 */
import type { Metrics } from "../metrics/metrics.ts";
import { deleteBlobs, listBlobs } from "./blobs.ts";
import type { Gateway } from "./gateway.ts";
import { UNUSED_S, type LastUse } from "./last-use.ts";
import type { R2Layers } from "./layers.ts";

const EVERY_MS = 3_600_000;
const FIRST_MS = 30_000;
const RECORD = "sweep";
const RECORD_TTL_S = 7 * 86_400;
/** A thousand layers each, one request of R2 each. */
const MAX_PAGES = 5;
const MAX_DELETED = 500;

export interface Stores {
  readonly r2: Gateway;
  readonly kv: Gateway;
  readonly lastUse: LastUse;
  readonly layers: R2Layers;
  readonly metrics: Metrics;
}

interface SweepRecord {
  readonly at: number;
  /** Where the next one goes on. */
  readonly cursor: string | null;
}

/** Until the process ends; holds it up by nothing. */
export function keepSweeping(stores: Stores): void {
  const run = async (): Promise<void> => {
    await sweep(stores).catch((error: unknown) => {
      console.warn(JSON.stringify({ level: "warn", message: "downloader.sweep.failed", error: String(error) }));
    });
    setTimeout(() => void run(), EVERY_MS).unref();
  };
  setTimeout(() => void run(), FIRST_MS).unref();
}

/** How many layers were deleted; null: it is not this instance's turn, or there is nothing to sweep. */
export async function sweep({ r2, kv, lastUse, layers, metrics }: Stores, now = Date.now()): Promise<number | null> {
  if (!r2.isOn || !kv.isOn) return null;
  const record = await readRecord(kv);
  if (record !== null && record.at > now - EVERY_MS) return null;
  // Said before it is done: another instance that starts now leaves it to this one.
  await writeRecord(kv, { at: now, cursor: record?.cursor ?? null });
  const used = await lastUse.used();
  if (used === null) return null;
  let cursor = record?.cursor ?? null;
  const doomed: string[] = [];
  for (let page = 0; page < MAX_PAGES && doomed.length < MAX_DELETED; page += 1) {
    const listed = await listBlobs(r2, metrics, cursor);
    if (listed === null) break;
    const old = listed.blobs.filter(({ digest, storedAt }) => storedAt < now - UNUSED_S * 1_000 && !used.has(digest));
    doomed.push(...old.map(({ digest }) => digest));
    ({ cursor } = listed);
    if (cursor === null) break;
  }
  for (const digest of doomed) layers.forget(digest);
  const deleted = await deleteBlobs(r2, metrics, doomed);
  await writeRecord(kv, { at: now, cursor });
  console.log(JSON.stringify({ level: "info", message: "downloader.sweep", deleted }));
  return deleted;
}

async function readRecord(kv: Gateway): Promise<SweepRecord | null> {
  const response = await kv.ask(RECORD);
  if (response?.status !== 200) {
    await response?.body?.cancel();
    return null;
  }
  const record = (await response.json().catch(() => null)) as Partial<SweepRecord> | null;
  return typeof record?.at === "number" ? { at: record.at, cursor: record.cursor ?? null } : null;
}

async function writeRecord(kv: Gateway, record: SweepRecord): Promise<void> {
  const response = await kv.ask(RECORD, {
    method: "PUT",
    body: JSON.stringify(record),
    query: `?ttl=${RECORD_TTL_S}`,
  });
  await response?.body?.cancel();
}
