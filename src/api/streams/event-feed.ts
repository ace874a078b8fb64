/**
 * The Worker's end of a watch: a WebSocket to the application, read in batches. It is a socket and not a pending call
 * because the application may then hibernate while it is watched.
 */
import { acceptedSocket, watchRequest, type Watch } from "../../orchestrator/watch-request.ts";
import { applicationStub } from "../../stubs.ts";

export interface FeedEvent {
  readonly kind: "event";
  readonly id: string;
  readonly name: string;
  /** The event as in lists. */
  readonly json: string;
}

export type FeedItem =
  | FeedEvent
  /** Everything up to here was looked at. */
  | { readonly kind: "cursor"; readonly cursor: string }
  /** Nothing will ever follow. */
  | { readonly kind: "end"; readonly reason: string };

export interface Feed {
  /** What has come since the last call; waits for it up to `timeoutMs`. Null once the connection is gone. */
  next(timeoutMs: number): Promise<readonly FeedItem[] | null>;
  close(): void;
}

/** A reader that falls this far behind begins again from its own place, so that what waits for it is bounded. */
const MAX_WAITING = 2_000;

/** Throws what the application answers: not found, cursor expired, too many watchers. */
export async function openFeed(env: Env, applicationId: string, watch: Watch): Promise<Feed> {
  const response = await applicationStub(env, applicationId).fetch(watchRequest(watch));
  return new SocketFeed(await acceptedSocket(response));
}

export class SocketFeed implements Feed {
  readonly #socket: WebSocket;
  #waiting: FeedItem[] = [];
  #isOpen = true;
  #isAlive = true;
  #wake: () => void = () => undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(String(data)));
    socket.addEventListener("close", () => this.#closed());
    socket.addEventListener("error", () => this.#closed());
    socket.accept();
  }

  async next(timeoutMs: number): Promise<readonly FeedItem[] | null> {
    if (this.#waiting.length === 0 && this.#isOpen) await this.#arrival(timeoutMs);
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length > 0) return items;
    if (this.#isOpen) this.#probe();
    return this.#isOpen ? [] : null;
  }

  close(): void {
    this.#closed();
    try {
      this.#socket.close(1_000, "done");
    } catch {
      // It is closed already.
    }
  }

  async #arrival(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }

  /** Asks for a sign of life, which the runtime gives without waking the object; without one to the last, it is gone. */
  #probe(): void {
    if (!this.#isAlive) {
      this.close();
      return;
    }
    this.#isAlive = false;
    try {
      this.#socket.send("ping");
    } catch {
      this.#closed();
    }
  }

  #receive(data: string): void {
    this.#isAlive = true;
    if (data === "pong" || !this.#isOpen) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.close();
      return;
    }
    this.#waiting.push(itemOf(data));
    this.#wake();
  }

  #closed(): void {
    this.#isOpen = false;
    this.#wake();
  }
}

/** Written by `EventSockets` only. */
function itemOf(json: string): FeedItem {
  const message = JSON.parse(json) as { id?: string; name?: string; cursor?: string; end?: string };
  if (message.end !== undefined) return { kind: "end", reason: message.end };
  if (message.cursor !== undefined) return { kind: "cursor", cursor: message.cursor };
  return { kind: "event", id: message.id ?? "", name: message.name ?? "", json };
}
