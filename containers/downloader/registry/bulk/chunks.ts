/** Takes the frames off a chunked body, as its bytes come in. Pure. */

const MAX_LINE = 8_192;
const [CR, LF] = [0x0d, 0x0a];

export class ChunkReader {
  /** Of the current chunk. */
  #left = 0;
  #state: "size" | "data" | "after" | "trailer" | "end" = "size";
  #line = "";

  get isEnd(): boolean {
    return this.#state === "end";
  }

  /** Hands what is content to `take`. Throws for what is no chunk, and for bytes behind the end. */
  read(bytes: Uint8Array, take: (content: Uint8Array) => void): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "end") throw new Error("bytes after the last chunk");
      if (this.#state === "data") {
        const part = bytes.subarray(at, at + this.#left);
        take(part);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) this.#state = "after";
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      if (byte !== LF) this.#gather(byte);
      else this.#endLine();
    }
  }

  #gather(byte: number): void {
    this.#line += String.fromCharCode(byte);
    if (this.#line.length > MAX_LINE) throw new Error("a line between chunks is too long");
  }

  #endLine(): void {
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR) throw new Error("a line between chunks has no end");
    const line = this.#line.slice(0, -1);
    this.#line = "";
    if (this.#state === "after") {
      if (line !== "") throw new Error("a chunk is longer than it says");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (line === "") this.#state = "end";
    } else {
      const [, digits] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
      if (digits === undefined) throw new Error("a chunk does not say how long it is");
      this.#left = Number.parseInt(digits, 16);
      this.#state = this.#left === 0 ? "trailer" : "data";
    }
  }
}
