/** What an attempt has said of itself over the bridge: a part of it while it runs, and kept with its end. */
import type { Progress } from "../bridge/messages.ts";

/** Of an attempt; kept as long as its job. */
export const ATTEMPT_RESULT_BYTES = 16_384;

export interface Told {
  readonly progress: (Progress & { readonly at: number }) | null;
  /** `value` is JSON. */
  readonly result: { readonly at: number; readonly value: string } | null;
}

export function sameTold(a: Told | undefined, b: Told | undefined): boolean {
  return a?.progress?.at === b?.progress?.at && a?.result?.at === b?.result?.at;
}
