/** Server-sent events of one download, of this instance or of another, until it is over. */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "../http/api-error.ts";
import type { Gateway } from "../cache/gateway.ts";
import { isOver, type Transfers, type Snapshot } from "./transfers.ts";
import { hear } from "./sharing.ts";

export const EVENT_STREAM = "text/event-stream; charset=utf-8";
const EVENT_MS = 500;
/** After an answer that had nothing, which may have come at once. */
const AGAIN_MS = 500;
/** Proxies end what is silent. */
const SIGN_OF_LIFE_MS = 15_000;
/** How long a download may be in coming: somebody may be asked for a password first. */
const PATIENCE_MS = 300_000;

/** Each may wait for what never comes. */
const MAX_STREAMS = 500;
let streams = 0;

export function sendEvents(
  response: ServerResponse,
  id: string,
  { transfers, state, stopping }: { transfers: Transfers; state: Gateway; stopping: AbortSignal },
): void {
  if (streams >= MAX_STREAMS) {
    throw new ApiError(503, "TOO_MANY_STREAMS", "too many downloads are followed here", { retryAfter: 10 });
  }
  streams += 1;
  const gone = new AbortController();
  const end = (): void => {
    if (!gone.signal.aborted) streams -= 1;
    gone.abort();
    clearInterval(alive);
    clearTimeout(patience);
    stopping.removeEventListener("abort", end);
    response.end();
  };
  response.writeHead(200, {
    "content-type": EVENT_STREAM,
    "cache-control": "no-store, no-transform",
    // nginx and its like hold events back otherwise.
    "x-accel-buffering": "no",
  });
  response.write("retry: 2000\n\n");
  response.on("close", end);
  stopping.addEventListener("abort", end);
  const alive = setInterval(() => response.write(": \n\n"), SIGN_OF_LIFE_MS);
  const patience = setTimeout(() => {
    response.write(`event: idle\ndata: {}\n\n`);
    end();
  }, PATIENCE_MS);
  void follow(id, { transfers, state, signal: gone.signal }, (snapshot) => {
    patience.refresh();
    response.write(`event: progress\ndata: ${JSON.stringify(snapshot)}\n\n`);
  }).then(end, end);
}

/** Of this instance where it is here, and of the others until then. */
async function follow(
  id: string,
  { transfers, state, signal }: { transfers: Transfers; state: Gateway; signal: AbortSignal },
  tell: (snapshot: Snapshot) => void,
): Promise<void> {
  const isHere = new AbortController();
  const begun = (other: string) => {
    if (other === id) isHere.abort();
  };
  transfers.on("begin", begun);
  try {
    if (transfers.get(id) === null) {
      const isOverElsewhere = await followElsewhere(id, state, AbortSignal.any([signal, isHere.signal]), tell);
      if (isOverElsewhere) return;
      await untilAborted(AbortSignal.any([signal, isHere.signal]), transfers.get(id) !== null);
    }
    await followHere(id, transfers, signal, tell);
  } finally {
    transfers.off("begin", begun);
  }
}

/** True: it has ended there. False: it is here, nobody listens any more, or instances share nothing. */
async function followElsewhere(
  id: string,
  state: Gateway,
  signal: AbortSignal,
  tell: (snapshot: Snapshot) => void,
): Promise<boolean> {
  let version: string | null = null;
  while (!signal.aborted) {
    const heard = await hear(state, id, version, signal);
    if (heard === "unavailable") return false;
    if (heard === "nothing") await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    if (heard === "nothing" || signal.aborted) continue;
    ({ version } = heard);
    tell(heard.snapshot);
    if (isOver(heard.snapshot)) return true;
  }
  return false;
}

async function followHere(
  id: string,
  transfers: Transfers,
  signal: AbortSignal,
  tell: (snapshot: Snapshot) => void,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let last = "";
  const look = (): void => {
    const snapshot = transfers.get(id)?.snapshot();
    if (snapshot === undefined) return;
    const text = JSON.stringify(snapshot);
    if (text !== last) tell(snapshot);
    last = text;
    if (isOver(snapshot)) resolve();
  };
  const timer = setInterval(look, EVENT_MS);
  const transfer = transfers.get(id);
  transfer?.on("change", look);
  signal.addEventListener("abort", () => resolve());
  if (signal.aborted) resolve();
  look();
  await promise;
  clearInterval(timer);
  transfer?.off("change", look);
}

async function untilAborted(signal: AbortSignal, isThere: boolean): Promise<void> {
  if (signal.aborted || isThere) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve());
  await promise;
}
