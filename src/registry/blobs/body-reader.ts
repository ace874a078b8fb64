/** Reads a request's body into a buffer that is used again and again, so that memory is the same for every length. */

/** One call into the runtime costs the same for a byte and for this: larger pieces are no faster. */
export const PIECE_BYTES = 1024 * 1024;

/** The body ended in an error: its client went away, or the platform cut it. */
export class BodyCut extends Error {
  override readonly name = "BodyCut";
}

export class BodyReader {
  #reader: ReadableStreamBYOBReader | null;
  #buffer = new ArrayBuffer(0);
  #isEnded = false;

  constructor(body: ReadableStream<Uint8Array> | null) {
    this.#reader = body === null ? null : byobReader(body);
    this.#isEnded = body === null;
  }

  /** At most `max` bytes, of one piece; null at the end. What it gave before is written over. */
  async piece(max: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const wanted = Math.min(max, PIECE_BYTES);
    if (this.#buffer.byteLength < wanted) this.#buffer = new ArrayBuffer(wanted);
    const { view, length } = await this.#read(new Uint8Array(this.#buffer, 0, wanted));
    if (length === 0) return null;
    this.#buffer = view.buffer;
    return view.subarray(0, length);
  }

  /** Into `buffer` from `offset` on, as far as the body goes. The buffer that is given is gone: use the one that comes. */
  async gather(buffer: ArrayBuffer, offset: number): Promise<{ buffer: ArrayBuffer; length: number }> {
    const { view, length } = await this.#read(new Uint8Array(buffer, offset));
    return { buffer: view.buffer, length: offset + length };
  }

  /** Whether there is nothing more. */
  async atEnd(): Promise<boolean> {
    return this.#isEnded || (await this.piece(1)) === null;
  }

  async cancel(reason: string): Promise<void> {
    this.#isEnded = true;
    await this.#reader?.cancel(reason).catch(() => undefined);
  }

  async #read(view: Uint8Array<ArrayBuffer>): Promise<{ view: Uint8Array<ArrayBuffer>; length: number }> {
    if (this.#isEnded || this.#reader === null || view.byteLength === 0) return { view, length: 0 };
    let result: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    try {
      result = await this.#reader.readAtLeast(view.byteLength, view);
    } catch (error) {
      this.#isEnded = true;
      throw new BodyCut("the body ended before its end", { cause: error });
    }
    this.#isEnded = result.done;
    // At the end the runtime may keep the buffer.
    const given = result.value ?? new Uint8Array(0);
    return { view: given, length: given.byteLength };
  }
}

/** Streams that were made in JavaScript have no reader of this kind: then one goes between. */
function byobReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return body.pipeThrough(new IdentityTransformStream()).getReader({ mode: "byob" });
  }
}
