/**
 * Tells other instances of a download, and hears of theirs: who asks for its events may have come to another instance
 * than the transfer. One shared value for each id; it is written often only while somebody reads it there.
 */
import type { Gateway } from "../cache/gateway.ts";
import { isOver, type Transfer, type Snapshot } from "./transfers.ts";

/** Between two writes, in milliseconds: with a reader, and without. */
const WATCHED_MS = 1_000;
const UNWATCHED_MS = 10_000;
const TTL_S = 60;
const WAIT_S = 20;

/** Until the download is over. */
export function share(state: Gateway, transfer: Transfer): void {
  let timer: NodeJS.Timeout | null = null;
  let isWriting = false;
  let isStale = false;
  const write = async (): Promise<void> => {
    if (isWriting) {
      isStale = true;
      return;
    }
    if (timer !== null) clearTimeout(timer);
    isWriting = true;
    const snapshot = transfer.snapshot();
    const hasReaders = await put(state, transfer.id, snapshot);
    isWriting = false;
    if (isOver(snapshot)) {
      transfer.off("change", changed);
      return;
    }
    if (isStale) {
      isStale = false;
      await write();
      return;
    }
    timer = setTimeout(() => void write(), hasReaders ? WATCHED_MS : UNWATCHED_MS);
    timer.unref();
  };
  const changed = () => void write();
  transfer.on("change", changed);
  void write();
}

async function put(state: Gateway, id: string, snapshot: Snapshot): Promise<boolean> {
  const response = await state.ask(key(id), {
    method: "PUT",
    query: `?ttl=${TTL_S}`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(snapshot),
  });
  if (response?.status !== 200) return false;
  const answer = (await response.json().catch(() => ({}))) as { readonly hasReaders?: boolean };
  return answer.hasReaders === true;
}

export interface Heard {
  readonly snapshot: Snapshot;
  readonly version: string;
}

/**
 * What another instance says of the download, when it is news; `nothing` after a while without any, `unavailable` where
 * instances share nothing.
 */
export async function hear(
  state: Gateway,
  id: string,
  after: string | null,
  signal: AbortSignal,
): Promise<Heard | "nothing" | "unavailable"> {
  if (!state.isOn) return "unavailable";
  const query = `?wait=${WAIT_S}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`;
  const response = await state.ask(key(id), { query, signal }, (WAIT_S + 10) * 1_000);
  if (response === null) return "unavailable";
  if (response.status !== 200) {
    await response.body?.cancel();
    return response.status === 304 || response.status === 404 ? "nothing" : "unavailable";
  }
  const version = response.headers.get("etag")?.replaceAll('"', "") ?? "";
  const snapshot = (await response.json().catch(() => null)) as Snapshot | null;
  return snapshot === null ? "nothing" : { snapshot, version };
}

function key(id: string): string {
  return `download-${id}/value`;
}
