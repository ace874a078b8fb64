/** What comes when it comes, for a reader that takes it when it can. Read once; without bound, as the platform's sockets. */
export class Queue<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #end: { readonly error: unknown } | null = null;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#waiting.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still read; then reading ends, or fails with the error. The first end counts. */
  end(error: unknown = null): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const item = this.#waiting.shift();
      if (item !== undefined) yield item;
      else if (this.#end !== null) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#end.error !== null) throw this.#end.error;
  }
}
