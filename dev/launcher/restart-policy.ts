/** When to start again after a session ended by itself: at once, then ever later, and when to say that it keeps dying. */
export interface Life {
  /** From ready to its end; undefined for one that never became ready. */
  readonly livedMs: number | undefined;
  readonly reason: string;
}

export interface Restart {
  /** Short lives in a row, this one included. */
  readonly shortLives: number;
  readonly delayMs: number;
  readonly keepsDying: boolean;
}

/** A session that ran this long was all right: its end says nothing about the next. */
const LONG_LIFE_MS = 60_000;
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 30_000;
const KEEPS_DYING = 3;

export function afterLife(shortLivesBefore: number, life: Life): Restart {
  if (life.livedMs !== undefined && life.livedMs >= LONG_LIFE_MS) {
    return { shortLives: 0, delayMs: 0, keepsDying: false };
  }
  const shortLives = shortLivesBefore + 1;
  const delayMs = shortLives === 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (shortLives - 2), MAX_DELAY_MS);
  return { shortLives, delayMs, keepsDying: shortLives >= KEEPS_DYING };
}
