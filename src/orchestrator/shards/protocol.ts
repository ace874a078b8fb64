/**
 * What the shards of an application and shard 0 say to each other. Everything is absolute and numbered: said twice, or too
 * late, it changes nothing.
 */
import type { StoredEvent } from "../events.ts";
import type { Location } from "../placement/location.ts";
import type { ApplicationRow, Version } from "../storage/application-row.ts";
import type { Summary } from "./summary.ts";

/** What a shard is to follow: the specification, and whose turn it is. */
export interface Order {
  /** As the shard's own row is to be, what it observes itself apart. */
  readonly row: ApplicationRow;
  /** Those that it may not have. */
  readonly versions: readonly Version[];
  /** The account's, where shard 0 knows them. */
  readonly locations?: readonly Location[];
  readonly beside: Beside;
}

/** What a shard places by of what the others have. */
export interface Beside {
  /** Their slots by location. */
  readonly placed: Readonly<Record<string, number>>;
  /** Where starts failed, and when. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Followed {
  readonly generation: number;
  readonly turn: number;
  /** The newest one that it has. */
  readonly version: number;
  /** It has and will have nothing. */
  readonly isGone: boolean;
  readonly summary: Summary | null;
}

export interface News {
  readonly shard: number;
  /** Of the shard's own log, oldest first, without a gap. */
  readonly events: readonly StoredEvent[];
  readonly isMore: boolean;
  /** Null: the shard has not been made. */
  readonly summary: Summary | null;
  readonly isGone: boolean;
}

/** What shard 0 answers to news. */
export interface Told {
  /** The last event of the shard that it has. */
  readonly known: number;
  /** False: there is no such application any more. */
  readonly isOwner: boolean;
}

/** Events in one message. */
export const NEWS_PAGE = 500;
