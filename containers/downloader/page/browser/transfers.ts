/**
 * Downloads that were begun here, as the server tells of them. The bytes go to the browser's own downloads by a plain
 * link: this page holds none of them, so it does not matter how many there are.
 */
import { asNumber, asRecord, asText } from "./shapes.ts";
import { newId, type DownloadRequest } from "./requests.ts";

export type TransferState = "waiting" | "running" | "done" | "cut" | "failed" | "unknown";

export interface Transfer {
  readonly id: string;
  readonly request: DownloadRequest;
  /** Of a private image: who is signed in. */
  readonly user: string | undefined;
  readonly state: TransferState;
  readonly bytes: number;
  readonly total: number | undefined;
  readonly speed: number;
  readonly message: string | undefined;
}

const STATES: Readonly<Record<string, TransferState>> = {
  preparing: "waiting",
  sending: "running",
  done: "done",
  aborted: "cut",
  failed: "failed",
};
/** A browser has six connections to a server of HTTP/1.1, and each download takes one: these must not take the rest. */
const MAX_STREAMS = 2;
const TURN_MS = 3_000;
/** Reconnecting goes on by itself; after so many in a row without a word there is nobody any more. */
const MAX_FAILURES = 5;

const transfers = new Map<string, Transfer>();
const listeners = new Set<(transfer: Transfer | undefined, id: string) => void>();
let streams = 0;

export function onTransfer(listener: (transfer: Transfer | undefined, id: string) => void): void {
  listeners.add(listener);
}

export function isOver({ state }: Transfer): boolean {
  return state !== "waiting" && state !== "running";
}

/** The id is for the link, which is followed right after. */
export function beginTransfer(request: DownloadRequest, total: number | undefined, user?: string): string {
  const id = newId();
  const state = "waiting";
  set({ id, request, user, state, bytes: 0, total, speed: 0, message: undefined });
  follow(id);
  return id;
}

export function dismissTransfer(id: string): void {
  transfers.delete(id);
  for (const listener of listeners) listener(undefined, id);
}

function set(transfer: Transfer): void {
  transfers.set(transfer.id, transfer);
  for (const listener of listeners) listener(transfer, transfer.id);
}

function follow(id: string): void {
  if (streams >= MAX_STREAMS) {
    // Others have the streams: this one looks in from time to time.
    setTimeout(() => transfers.has(id) && follow(id), TURN_MS);
    return;
  }
  streams += 1;
  let failures = 0;
  const source = new EventSource(`/api/downloads/${id}/events`);
  const close = () => {
    if (source.readyState !== EventSource.CLOSED) source.close();
    clearTimeout(turn);
    streams -= 1;
  };
  const turn = setTimeout(() => {
    const waiting = [...transfers.values()].filter((transfer) => !isOver(transfer));
    if (waiting.length <= MAX_STREAMS) return;
    close();
    follow(id);
  }, TURN_MS);
  source.addEventListener("progress", (event: MessageEvent<string>) => {
    failures = 0;
    const transfer = transfers.get(id);
    if (transfer === undefined) return close();
    const heard = afterEvent(transfer, event.data);
    set(heard);
    if (isOver(heard)) close();
  });
  source.addEventListener("error", () => {
    failures += 1;
    if (source.readyState !== EventSource.CLOSED && failures < MAX_FAILURES) return;
    close();
    const transfer = transfers.get(id);
    if (transfer !== undefined && !isOver(transfer)) set({ ...transfer, state: "unknown", speed: 0 });
  });
  source.addEventListener("idle", () => {
    close();
    const transfer = transfers.get(id);
    if (transfer !== undefined && !isOver(transfer)) set({ ...transfer, state: "unknown", speed: 0 });
  });
}

/** What the server says, upon what was known. */
export function afterEvent(transfer: Transfer, text: string): Transfer {
  let fields: Readonly<Record<string, unknown>>;
  try {
    fields = asRecord(JSON.parse(text));
  } catch {
    return transfer;
  }
  return {
    ...transfer,
    state: STATES[asText(fields["state"]) ?? ""] ?? transfer.state,
    bytes: asNumber(fields["bytes"]) ?? transfer.bytes,
    total: asNumber(fields["total"]) ?? transfer.total,
    speed: asNumber(fields["speed"]) ?? 0,
    message: asText(asRecord(fields["error"])["message"]),
  };
}
