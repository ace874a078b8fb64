/** How a caller came in, and what follows from it. */
import type { Routing } from "../orchestrator/routing.ts";

/** A request waits this long for a ready instance, all tries together. */
export const QUEUE_DEADLINE_MS = 30_000;

/** The application that a call has led to. */
export type Called = Pick<Routing, "applicationId" | "accountId" | "name">;

/** A call that a container of the same account makes. */
export interface Inside {
  /** Throws when it may not call that application. */
  readonly admit: (called: Called) => void;
  /** What the container that is called gets of Gantry, in place of what the caller sent under these names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Access {
  /** Through a service binding, or from inside: ingress policy and network mode are not asked, and no answer is isolated. */
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
  /** Null: from elsewhere. An instance that comes back by itself is waited for from inside, whoever it is. */
  readonly inside: Inside | null;
}

export const FROM_OUTSIDE: Access = {
  isTrusted: false,
  exclude: new Set(),
  size: null,
  waitMs: QUEUE_DEADLINE_MS,
  isOneTry: false,
  isTerminal: false,
  inside: null,
};
