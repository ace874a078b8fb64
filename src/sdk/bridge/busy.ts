/** The busy lease: while a container holds one, no rollout, scale-down or idle timer ends it. */
import { invalidInput } from "../errors.ts";

export interface BusyLease {
  /** Ends it; the renewals stop whatever comes of this. */
  release(): Promise<void>;
}

export interface BusyOptions {
  /** How long one renewal holds. Default 60,000. */
  readonly ttlMs?: number;
  /** Hears when a renewal failed; the next one is tried all the same. */
  readonly onError?: (error: unknown) => void;
}

export const DEFAULT_TTL_MS = 60_000;
/** Two renewals may fail before the lease runs out. */
const RENEWALS_PER_TTL = 3;

interface Calls {
  renew(ttlMs: number): Promise<unknown>;
  release(): Promise<unknown>;
}

export async function holdBusy(calls: Calls, { ttlMs = DEFAULT_TTL_MS, onError }: BusyOptions): Promise<BusyLease> {
  if (!Number.isInteger(ttlMs) || ttlMs < 1_000) {
    throw invalidInput("busy", { ttlMs: `must be a whole number of milliseconds from 1000; it is ${ttlMs}` });
  }
  await calls.renew(ttlMs);
  const timer = setInterval(() => {
    calls.renew(ttlMs).catch((error: unknown) => onError?.(error));
  }, ttlMs / RENEWALS_PER_TTL);
  let released: Promise<void> | undefined;
  return {
    release() {
      clearInterval(timer);
      released ??= calls.release().then(() => undefined);
      return released;
    },
  };
}
