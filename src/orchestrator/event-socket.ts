/**
 * Watchers of an application's events: WebSockets of the hibernation API, which keep no object in memory. A watcher's
 * place is a cursor in the socket's attachment, so that an object that comes back from hibernation goes on where it
 * stopped. No row is written and no alarm is set for a watcher, whatever their number.
 *
 * Messages: `{cursor}` first, then events as in lists; `{cursor}` again when much was filtered out; at the end
 * `{cursor, end}`. A client may send `ping`, which is answered without waking the object.
 */
import { wireEvent } from "../api/wire/event.ts";
import type { Database } from "../database.ts";
import { GantryError } from "../errors.ts";
import { listEvents, onAppended, type EventFilter, type EventPage } from "./events.ts";

export const MAX_WATCHERS = 1_024;
/**
 * Events that one socket carries before its client must come again: what it does not read is held in memory, and the
 * platform does not tell how much that is.
 */
export const EVENTS_PER_SOCKET = 20_000;
/** A token may be revoked meanwhile: after this time nothing is told to a client that has not shown it again. */
export const SOCKET_LIFETIME_MS = 3_600_000;
const PAGE = 500;
/** Filtered events in a row after which a watcher hears of its cursor, so that it does not expire. */
const TELL_CURSOR_EVERY = 1_000;
const TAG = "events";

/** Codes with which a stream closes; 4410 is HTTP's 410. */
export const CLOSE = { ended: 1_000, noMessages: 1_003, comeAgain: 1_013, expired: 4_410 } as const;

interface Place {
  readonly cursor: number;
  /** The cursor that the client knows of. */
  readonly told: number;
  /** Events that this socket may still carry. */
  readonly left: number;
  readonly filter: EventFilter;
  readonly openedAt: number;
}

export class EventSockets {
  readonly #ctx: DurableObjectState;
  readonly #db: Database;
  #isFlushing = false;

  constructor(ctx: DurableObjectState, db: Database) {
    this.#ctx = ctx;
    this.#db = db;
    onAppended(db, () => this.#flushSoon());
    // A crash may have come between an event's write and its sending.
    if (this.#sockets().length > 0) this.#flushSoon();
  }

  accept(cursor: number, filter: EventFilter): WebSocket {
    const page = listEvents(this.#db, cursor, PAGE, filter);
    if (this.#sockets().length >= MAX_WATCHERS) {
      const message = `${MAX_WATCHERS} clients watch the events of this application: come back later`;
      throw new GantryError("TOO_MANY_WATCHERS", message, { limit: MAX_WATCHERS });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [TAG]);
    this.#ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    server.send(JSON.stringify({ cursor: String(cursor) }));
    this.#deliver(server, { cursor, told: cursor, left: EVENTS_PER_SOCKET, filter, openedAt: Date.now() }, () => page);
    return client;
  }

  /** A watcher only listens: `ping` never gets here. */
  refuse(socket: WebSocket): void {
    close(socket, CLOSE.noMessages, "this stream takes no message but ping");
  }

  /** The client is going: the closing handshake is finished. */
  release(socket: WebSocket): void {
    close(socket, CLOSE.ended, "");
  }

  /** The application is gone: everybody hears of it, after the last event. */
  end(reason: string): void {
    this.#flush();
    for (const socket of this.#sockets()) {
      const { cursor } = placeOf(socket);
      close(socket, CLOSE.ended, reason, { cursor: String(cursor), end: reason });
    }
  }

  #sockets(): WebSocket[] {
    return this.#ctx.getWebSockets(TAG).filter((socket) => socket.readyState === WebSocket.OPEN);
  }

  /** After the turn that appended, when its writes are kept or rolled back as a whole. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const sockets = this.#sockets();
    if (sockets.length === 0) return;
    // Watchers of one kind stand at one cursor: their events are read once.
    const pages = new Map<string, EventPage>();
    const read = (cursor: number, filter: EventFilter) => {
      const key = `${cursor} ${JSON.stringify(filter)}`;
      const page = pages.get(key) ?? listEvents(this.#db, cursor, PAGE, filter);
      pages.set(key, page);
      return page;
    };
    const expired = Date.now() - SOCKET_LIFETIME_MS;
    for (const socket of sockets) {
      const place = placeOf(socket);
      if (place.openedAt > expired) this.#deliver(socket, place, read);
      else close(socket, CLOSE.comeAgain, `connect again with after=${place.told}`);
    }
  }

  #deliver(socket: WebSocket, start: Place, read: (cursor: number, filter: EventFilter) => EventPage): void {
    let place = start;
    try {
      let page = read(place.cursor, place.filter);
      for (;;) {
        for (const event of page.events.slice(0, place.left)) {
          socket.send(JSON.stringify(wireEvent(event)));
          place = { ...place, cursor: event.id, told: event.id, left: place.left - 1 };
        }
        if (place.left === 0) {
          close(socket, CLOSE.comeAgain, `connect again with after=${place.cursor}`);
          return;
        }
        place = { ...place, cursor: page.cursor };
        if (page.cursor >= page.newest) break;
        page = listEvents(this.#db, place.cursor, PAGE, place.filter);
      }
      if (place.cursor - place.told >= TELL_CURSOR_EVERY) {
        socket.send(JSON.stringify({ cursor: String(place.cursor) }));
        place = { ...place, told: place.cursor };
      }
      if (place.cursor !== start.cursor || start.left === EVENTS_PER_SOCKET) socket.serializeAttachment(place);
    } catch (error) {
      const isExpired = GantryError.is(error) && error.code === "CURSOR_EXPIRED";
      if (isExpired) close(socket, CLOSE.expired, "the cursor is no longer kept");
      // Otherwise the client went away between two messages.
      else close(socket, CLOSE.comeAgain, `connect again with after=${place.told}`);
    }
  }
}

function placeOf(socket: WebSocket): Place {
  // Written by `deliver` only.
  return socket.deserializeAttachment() as Place;
}

function close(socket: WebSocket, code: number, reason: string, last?: Record<string, string>): void {
  try {
    if (last !== undefined) socket.send(JSON.stringify(last));
    socket.close(code, reason);
  } catch {
    // It is closed already.
  }
}
