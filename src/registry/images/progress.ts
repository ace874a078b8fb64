/** How far an image is on its way to where the platform starts it. */

export type PreparationState = "resolving" | "mirroring" | "preparing" | "ready" | "error";

export interface PreparationView {
  /** As `formatPin` writes it. */
  readonly pin: string;
  readonly state: PreparationState;
  /** While it is mirrored, as far as it is known. */
  readonly percent: number | null;
  /** Of the last failure. */
  readonly reason: string | null;
  /** What the platform starts; null before it is ready. */
  readonly image: string | null;
}

/** Why it could not be made startable. */
export class ImageFailure extends Error {
  /** Trying again may help soon. */
  readonly isPassing: boolean;

  constructor(message: string, options: { readonly isPassing: boolean }) {
    super(message);
    this.name = "ImageFailure";
    this.isPassing = options.isPassing;
  }
}

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 300_000;
/** A registry that hiccups is worth no failed start. */
export const QUIET_TRIES = 3;

/** After so many failures in a row. */
export function retryDelayMs(failures: number): number {
  return Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures - 1, 20));
}

/** Told to whoever waits: each state, and how far it is in steps of a fifth. */
export function isNews(before: PreparationView, after: PreparationView): boolean {
  if (before.state !== after.state || before.reason !== after.reason) return true;
  return step(before.percent) !== step(after.percent);
}

function step(percent: number | null): number {
  return percent === null ? -1 : Math.floor(percent / 20);
}
