/**
 * Finds the end of a chunked HTTP/1.1 body, and its content, in whatever pieces it arrives. The request rewriter needs
 * the end to see the next request on the same connection.
 */
const MAX_LINE_BYTES = 8192;

export class ChunkedBody {
  #line = "";
  #left = 0;
  #state: "size" | "data" | "data-end" | "trailer" | "done" = "size";

  get done(): boolean {
    return this.#state === "done";
  }

  /** Reads on from `start`, hands content to `onData` and returns the position after what belongs to this body. */
  read(bytes: Buffer, start: number, onData: (content: Buffer) => void): number {
    let at = start;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        onData(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data-end";
        continue;
      }
      const newline = bytes.indexOf(0x0a, at);
      const end = newline === -1 ? bytes.length : newline + 1;
      this.#line += bytes.toString("latin1", at, end);
      if (this.#line.length > MAX_LINE_BYTES) throw new Error("line too long in a chunked body");
      at = end;
      if (newline !== -1) this.#endLine();
    }
    return at;
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (this.#state === "data-end") {
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (line === "") this.#state = "done";
    } else {
      const size = /^[0-9a-f]{1,12}(?=\s*(?:;|$))/i.exec(line);
      if (size === null) throw new Error("bad chunk size");
      this.#left = Number.parseInt(size[0], 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}
