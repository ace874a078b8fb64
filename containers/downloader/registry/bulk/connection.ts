/**
 * One connection to a server, for one request after the other. Bytes of a body are read by the kernel into the memory that
 * they are passed on in, in pieces as large as they come: Node's own client copies each of them and makes them small,
 * which costs more than the reading.
 */
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ChunkReader } from "./chunks.ts";
import { MAX_HEAD_BYTES, parseHead, type Head } from "./head.ts";
import { PIECE_BYTES, type PieceMemory } from "./memory.ts";

export interface Answer {
  readonly head: Head;
  /** Null at the end. Whoever has a piece gives its memory back. */
  readonly next: () => Promise<Uint8Array<ArrayBuffer> | null>;
  /** What is not read to its end closes the connection. */
  readonly cancel: () => void;
}

/** Read ahead of whoever reads. */
const MAX_QUEUED = 2 * PIECE_BYTES;
const SOON_MS = 10;
const CONNECT_MS = 20_000;

interface Reading {
  readonly method: string;
  head: Head | null;
  readonly resolve: (head: Head) => void;
  readonly reject: (error: Error) => void;
  readonly queue: Uint8Array<ArrayBuffer>[];
  queued: number;
  /** Of a body with a length. */
  left: number;
  chunks: ChunkReader | null;
  isEnd: boolean;
  wake: (() => void) | null;
}

export class Connection {
  readonly #socket: Socket;
  readonly #memory: PieceMemory;
  /** Heads, and bodies in chunks. */
  readonly #scratch = Buffer.allocUnsafeSlow(MAX_HEAD_BYTES);
  #piece: Uint8Array<ArrayBuffer> | null = null;
  #filled = 0;
  /** What of it was passed on already, as a copy. */
  #copied = 0;
  #head = "";
  #reading: Reading | null = null;
  #failure: Error | null = null;
  #isPaused = false;
  isUsed = false;

  private constructor(url: URL, memory: PieceMemory) {
    this.#memory = memory;
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const isTls = url.protocol === "https:";
    const port = Number(url.port || (isTls ? 443 : 80));
    const onread = { buffer: () => this.#space(), callback: (length: number) => this.#take(length) };
    const isName = !/^[\d.]+$|:/.test(host);
    const to = { host, port, onread };
    const tls = { ...to, ALPNProtocols: ["http/1.1"], ...(isName ? { servername: host } : {}) };
    this.#socket = isTls ? connectTls(tls) : connectPlain(to);
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("end", () => this.#end());
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  static async open(url: URL, memory: PieceMemory, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(url, memory);
    const late = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
    try {
      await once(connection.#socket, url.protocol === "https:" ? "secureConnect" : "connect", { signal: late });
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.#failure === null && this.#reading === null && !this.#socket.destroyed;
  }

  /** Whether the process waits for it. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.ref();
    else this.#socket.unref();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** `onEnd`: the answer was read, and the connection is free. */
  async ask(method: string, text: string, onEnd: () => void): Promise<Answer> {
    const head = await new Promise<Head>((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#head = "";
      this.#reading = {
        method,
        head: null,
        resolve,
        reject,
        queue: [],
        queued: 0,
        left: 0,
        chunks: null,
        isEnd: false,
        wake: null,
      };
      this.#socket.write(text, "latin1");
    });
    const reading = this.#reading;
    if (reading === null) throw new Error("the connection was closed");
    const finish = () => {
      if (this.#reading !== reading) return;
      this.#reading = null;
      if (head.isKept && this.#failure === null) onEnd();
      else this.close();
    };
    return {
      head,
      next: async () => {
        for (;;) {
          const piece = reading.queue.shift();
          if (piece !== undefined) {
            reading.queued -= piece.length;
            this.#resume();
            return piece;
          }
          if (reading.isEnd) {
            finish();
            return null;
          }
          if (this.#failure !== null) throw this.#failure;
          await this.#news(reading);
        }
      },
      cancel: () => {
        if (this.#reading !== reading) return;
        this.#reading = null;
        reading.isEnd = true;
        reading.wake?.();
        this.close();
      },
    };
  }

  /** Until something came; what is there in part is not worth a copy if the rest of it comes soon. */
  async #news(reading: Reading): Promise<void> {
    const isPart = this.#filled > this.#copied;
    await new Promise<void>((resolve) => {
      const timer = isPart ? setTimeout(() => this.#passCopy(reading), SOON_MS) : undefined;
      reading.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    reading.wake = null;
  }

  /** Where the kernel writes next: the piece that is being filled, where what comes is content and nothing else. */
  #space(): Uint8Array {
    const reading = this.#reading;
    if (reading === null || reading.left === 0) return this.#scratch;
    this.#piece ??= this.#memory.take();
    return this.#piece.subarray(this.#filled, Math.min(PIECE_BYTES, this.#filled + reading.left));
  }

  /** False: no more for now. */
  #take(length: number): boolean {
    const reading = this.#reading;
    if (reading === null) {
      // Nobody asked for anything.
      this.close();
      return false;
    }
    try {
      if (reading.left > 0) this.#count(reading, length);
      else this.#read(reading, this.#scratch.subarray(0, length));
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      this.close();
      return false;
    }
    this.#isPaused = reading.queued >= MAX_QUEUED && !reading.isEnd;
    return !this.#isPaused;
  }

  #count(reading: Reading, length: number): void {
    this.#filled += length;
    reading.left -= length;
    if (reading.left === 0) reading.isEnd = true;
    if (this.#filled === PIECE_BYTES || reading.isEnd || reading.wake !== null) this.#pass(reading);
  }

  /** A head, and what came with it; or a body whose end nobody knows before it is there. */
  #read(reading: Reading, bytes: Uint8Array): void {
    if (reading.head === null) {
      this.#readHead(reading, bytes);
      return;
    }
    if (reading.isEnd) throw new Error("bytes after the end of an answer");
    if (reading.chunks === null) {
      this.#copy(reading, bytes);
    } else {
      reading.chunks.read(bytes, (content) => this.#copy(reading, content));
      reading.isEnd = reading.chunks.isEnd;
    }
    if (reading.isEnd || reading.wake !== null) this.#pass(reading);
  }

  #readHead(reading: Reading, bytes: Uint8Array): void {
    const before = this.#head.length;
    this.#head += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (this.#head.length > MAX_HEAD_BYTES) throw new Error("the head of the answer is too long");
      return;
    }
    const head = parseHead(this.#head.slice(0, end), reading.method);
    if (head === null) throw new Error("the answer has no head of HTTP");
    const rest = bytes.subarray(end + 4 - before);
    this.#head = "";
    if (head.status < 200) {
      if (head.status === 101) throw new Error("the answer changes the protocol");
      if (rest.length > 0) this.#readHead(reading, rest);
      return;
    }
    reading.head = head;
    if (head.body.kind === "chunked") reading.chunks = new ChunkReader();
    if (head.body.kind === "length") {
      if (rest.length > head.body.length) throw new Error("bytes after the end of an answer");
      this.#copy(reading, rest);
      reading.left = head.body.length - rest.length;
      reading.isEnd = reading.left === 0;
      if (reading.isEnd) this.#pass(reading);
    } else if (rest.length > 0) this.#read(reading, rest);
    reading.resolve(head);
  }

  #copy(reading: Reading, bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      this.#piece ??= this.#memory.take();
      const part = bytes.subarray(at, at + PIECE_BYTES - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === PIECE_BYTES) this.#pass(reading);
    }
  }

  /** What is there, to whoever reads. */
  #pass(reading: Reading): void {
    if (this.#piece !== null && this.#filled > 0) {
      const bytes = this.#piece.subarray(this.#copied, this.#filled);
      if (bytes.length > 0) reading.queue.push(bytes);
      else this.#memory.give(this.#piece);
      reading.queued += bytes.length;
      this.#piece = null;
      this.#filled = 0;
      this.#copied = 0;
    }
    reading.wake?.();
  }

  /** For a reader that is faster than the server: the piece stays, since it is the one that the kernel writes to next. */
  #passCopy(reading: Reading): void {
    const bytes = this.#piece?.subarray(this.#copied, this.#filled) ?? new Uint8Array(0);
    const copy = this.#memory.take().subarray(0, bytes.length);
    copy.set(bytes);
    this.#copied = this.#filled;
    reading.queue.push(copy);
    reading.queued += copy.length;
    reading.wake?.();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #end(): void {
    const reading = this.#reading;
    if (reading?.head?.body.kind === "close" && !reading.isEnd) {
      reading.isEnd = true;
      this.#pass(reading);
      return;
    }
    this.#fail(new Error("the connection was closed"));
    this.close();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const reading = this.#reading;
    if (reading === null || reading.isEnd) return;
    reading.reject(this.#failure);
    // What came is good, and nothing is written to its memory any more.
    this.#pass(reading);
  }
}
