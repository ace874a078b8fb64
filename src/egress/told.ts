/** What the gateway tells an application of its instances' requests. */
import type { DenyReason } from "./policy/decision.ts";

export interface Usage {
  readonly requests: number;
  readonly denied: number;
  /** Bytes of bodies, to hosts and back. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export const NO_USAGE: Usage = { requests: 0, denied: 0, bytesUp: 0, bytesDown: 0 };

export interface Denial {
  readonly host: string;
  readonly method: string;
  readonly rule: string;
  readonly reason: DenyReason;
  readonly count: number;
}

export interface EgressTold {
  readonly usage: Usage;
  readonly denials: readonly Denial[];
}

export function sumOf(a: Usage, b: Usage): Usage {
  return {
    requests: a.requests + b.requests,
    denied: a.denied + b.denied,
    bytesUp: a.bytesUp + b.bytesUp,
    bytesDown: a.bytesDown + b.bytesDown,
  };
}
