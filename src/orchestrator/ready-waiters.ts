/** Callers that wait for an application to have a ready instance: bounded in number and in time, in memory only. */

/** Beyond this a burst is told to come back instead of being held. */
export const MAX_WAITERS = 1_024;

export class ReadyWaiters {
  readonly #waiters = new Set<() => void>();
  #wakes = 0;

  /** How often they were woken. */
  get wakes(): number {
    return this.#wakes;
  }

  get isFull(): boolean {
    return this.#waiters.size >= MAX_WAITERS;
  }

  /** Resolves at the next `wake` after the `seen`th, or after `timeoutMs`. */
  async wait(timeoutMs: number, seen = this.#wakes): Promise<void> {
    if (seen !== this.#wakes) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(resolve);
    }
  }

  wake(): void {
    this.#wakes += 1;
    for (const resolve of this.#waiters) resolve();
  }
}
