/**
 * Passes the client's half of a connection to the Docker engine as it comes, and gives the bodies of requests that
 * create a container to `rewrite`. Answers are never read: they need no change, so the proxy knows nothing of them.
 */
import { Transform, type TransformCallback } from "node:stream";
import { ChunkedBody } from "./chunked-body.ts";
import { readRequestHead, withBodyLength } from "./request-head.ts";

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_CREATE_BYTES = 8 * 1024 * 1024;
const HEAD_END = Buffer.from("\r\n\r\n");

export interface RewriterOptions {
  readonly rewrite: (body: string) => string;
  /** The client waits for "100 Continue" before it sends a body that is held back here. */
  readonly onExpectContinue: () => void;
}

type State =
  | { readonly type: "head" }
  | { readonly type: "length"; left: number }
  | { readonly type: "chunked"; readonly body: ChunkedBody }
  | { readonly type: "hijacked" };

export class RequestRewriter extends Transform {
  readonly #options: RewriterOptions;
  #state: State = { type: "head" };
  #head: Buffer = Buffer.alloc(0);
  /** Set while the body of a create request is held back. */
  #held: { head: string; parts: Buffer[]; size: number } | undefined;

  constructor(options: RewriterOptions) {
    super();
    this.#options = options;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      let at = 0;
      while (at < bytes.length) at = this.#take(bytes, at);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(bytes: Buffer, at: number): number {
    const state = this.#state;
    switch (state.type) {
      case "head":
        return this.#takeHead(bytes, at);
      case "length": {
        const end = Math.min(bytes.length, at + state.left);
        state.left -= end - at;
        this.#content(bytes.subarray(at, end));
        if (state.left === 0) this.#endBody();
        return end;
      }
      case "chunked": {
        const held = this.#held !== undefined;
        const end = state.body.read(bytes, at, (content) => held && this.#content(content));
        if (!held) this.push(bytes.subarray(at, end));
        if (state.body.done) this.#endBody();
        return end;
      }
      case "hijacked":
        this.push(bytes.subarray(at));
        return bytes.length;
    }
  }

  #takeHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const head = before === 0 ? bytes.subarray(at) : Buffer.concat([this.#head, bytes.subarray(at)]);
    const end = head.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (end === -1) {
      if (head.length > MAX_HEAD_BYTES) throw new Error("request head too long");
      this.#head = head;
      return bytes.length;
    }
    this.#head = Buffer.alloc(0);
    const text = head.toString("latin1", 0, end);
    const request = readRequestHead(text);
    const after = end + HEAD_END.length;
    const hold = request.createsContainer && request.body.type !== "none";
    if (hold) {
      this.#held = { head: text, parts: [], size: 0 };
      if (request.expectsContinue) this.#options.onExpectContinue();
    } else {
      this.push(head.subarray(0, after));
    }
    if (request.hijacks) this.#state = { type: "hijacked" };
    else if (request.body.type === "length") this.#state = { type: "length", left: request.body.length };
    else if (request.body.type === "chunked") this.#state = { type: "chunked", body: new ChunkedBody() };
    return at + after - before;
  }

  #content(content: Buffer): void {
    if (this.#held === undefined) {
      this.push(content);
      return;
    }
    this.#held.parts.push(content);
    this.#held.size += content.length;
    if (this.#held.size > MAX_CREATE_BYTES) throw new Error("create body too long");
  }

  #endBody(): void {
    this.#state = { type: "head" };
    if (this.#held === undefined) return;
    const body = Buffer.from(this.#options.rewrite(Buffer.concat(this.#held.parts).toString()));
    this.push(Buffer.concat([Buffer.from(withBodyLength(this.#held.head, body.length), "latin1"), body]));
    this.#held = undefined;
  }
}
