/** How a caller came in, and what follows from it. */

/** A request waits this long for a ready instance, all tries together. */
export const QUEUE_DEADLINE_MS = 30_000;

export interface Access {
  /** Through a service binding: ingress policy and network mode are not asked, and no answer is isolated. */
  readonly isTrusted: boolean;
  /** Public ids of members that are not to be called, since they were tried. */
  readonly exclude: ReadonlySet<string>;
  /** The first so many members make the pool, of each version while requests are shared out; null: all. */
  readonly size: number | null;
  readonly waitMs: number;
  /** The caller asks another member itself: one that may have seen the request is the end of this call. */
  readonly isOneTry: boolean;
  /** A WebSocket that is a terminal inside the container, and not the application's. */
  readonly isTerminal: boolean;
}

export const FROM_OUTSIDE: Access = {
  isTrusted: false,
  exclude: new Set(),
  size: null,
  waitMs: QUEUE_DEADLINE_MS,
  isOneTry: false,
  isTerminal: false,
};
