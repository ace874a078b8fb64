/**
 * What applications and their account say to each other about capacity. An application states what it has and wants, in
 * absolute numbers; the account answers with what it may begin. Stating the same again changes nothing.
 */
import type { Size } from "../amounts.ts";
import type { Load } from "./load.ts";

export interface Want {
  readonly location: string;
  /** Of every container that lives or may live there, those that are being stopped among them. */
  readonly held: Load;
  /** Instances wanted beyond that. */
  readonly more: number;
  /** Of each of those, where it is not the statement's. */
  readonly size?: Size;
}

export interface Statement {
  /** Grows with each statement of an application; what comes after a later one changes nothing. */
  readonly number: number;
  /** Of one more instance. */
  readonly size: Size;
  readonly priority: number;
  readonly isPreemptible: boolean;
  /** Others state what the rest of the application holds. */
  readonly isPart?: true;
  /** It begins nothing beyond what is granted. */
  readonly isBound: boolean;
  readonly wants: readonly Want[];
  /** Containers that it would start now, what it holds and starts again among them. */
  readonly starts: number;
  /** The platform has said, since the last statement, that there were too many starts. */
  readonly isRateLimited: boolean;
}

/** What an application holds when it is asked, its other shards beside it. */
export interface Enlisted extends Statement {
  readonly shards?: readonly { readonly claimant: string; readonly held: Statement }[];
}

/** Why not all may begin. */
export interface Shortage {
  readonly reason: "MaxInstances" | "NoCapacity" | "StartRate";
  /** What one more would need beyond what is left, by resource. */
  readonly shortfall: Partial<Load>;
  /** It is larger than all that there is: nothing that ends makes room for it. */
  readonly isImpossible: boolean;
}

export type Answer =
  /** `number` is that of a later statement. */
  | { readonly outcome: "stale"; readonly number: number }
  | {
      readonly outcome: "granted";
      /** False: nothing is limited, and nothing has to be asked until this is said anew. */
      readonly isLimited: boolean;
      /** Of each location that was stated: what it may come to. */
      readonly granted: Readonly<Record<string, Load>>;
      /** How many more of this size fit into each limited location, those before it served. */
      readonly free: Readonly<Record<string, number>>;
      /** Null: any number. */
      readonly starts: number | null;
      /** When the next one may start, where `starts` says that not all may. */
      readonly startAfter: number | null;
      readonly shortage: Shortage | null;
      /** The same, of each location in which not all may begin. */
      readonly shortages?: Readonly<Record<string, Shortage>>;
    };

/** That an application has to bring what it runs down to so many, to make room for others. */
export interface EvictionOrder {
  readonly location: string;
  readonly ceiling: number;
  /** For each one that goes: id of the application that it makes room for. */
  readonly by: readonly string[];
}
