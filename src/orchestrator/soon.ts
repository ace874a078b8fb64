/**
 * Another look within this lifetime, for no row and no alarm. What it waits for is found again in any case, only later: by
 * what instances report, or by a deadline that has an alarm.
 */

/** Longer than this, others will have made it look before. */
const AT_MOST_MS = 60_000;

export class Soon {
  readonly #look: () => void;
  #at: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(look: () => void) {
    this.#look = look;
  }

  by(at: number): void {
    const now = Date.now();
    if (this.#at !== null && this.#at <= at && this.#at > now) return;
    clearTimeout(this.#timer);
    const dueAt = Math.min(at, now + AT_MOST_MS);
    this.#at = dueAt;
    this.#timer = setTimeout(
      () => {
        this.#at = null;
        this.#look();
      },
      Math.max(1, dueAt - now),
    );
  }
}
