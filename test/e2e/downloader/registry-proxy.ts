/**
 * Stands between the downloader and a registry on loopback: counts what is asked of it, and breaks answers as networks and
 * bad registries do.
 */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RegistryUser } from "../registry-tools.ts";

/** What becomes of the answer with a blob. Offsets are those of the blob, whatever part of it is asked for. */
export type Fault =
  /** The connection breaks there. */
  | { readonly kind: "cut"; readonly at: number }
  /** One bit is another there. */
  | { readonly kind: "flip"; readonly at: number }
  /** It ends there, and says beforehand that this is all, where that is asked for. */
  | { readonly kind: "short"; readonly at: number }
  /** Nothing comes from there on, and the connection stays. */
  | { readonly kind: "stall"; readonly at: number }
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export interface BlobRequest {
  readonly digest: string;
  readonly range: string | null;
  /** How often a GET of this blob came before this one. */
  readonly before: number;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  /** Bytes of the body that were sent on. */
  sent: number;
  /** The answer is sent, or whoever asked has gone. */
  ended: boolean;
}

export class RegistryProxy {
  readonly #upstream: string;
  readonly #server = createServer((incoming, answer) => this.#pass(incoming, answer));
  readonly seen: SeenRequest[] = [];
  /** Decides of each GET of a blob. */
  fault: (blob: BlobRequest) => Fault | null = () => null;
  /** What a blob waits for before it is sent. */
  gate: (digest: string) => Promise<void> | null = () => null;
  /** Hears of what is sent on of blobs. */
  onBytes: (bytes: number) => void = () => undefined;
  /** While it is not null, whoever has not this name and password is asked for them. */
  user: RegistryUser | null = null;
  /** Whoever connects is hung up on, and so is everybody who is connected when it is set. */
  #isDown = false;

  private constructor(upstream: string) {
    this.#upstream = upstream;
  }

  /** `upstream`: `127.0.0.1:<port>`. */
  static async start(upstream: string): Promise<RegistryProxy> {
    const proxy = new RegistryProxy(upstream);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** `127.0.0.1:<port>`, for references. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** GETs of blobs, by digest. */
  get fetched(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { method, path } of this.seen) {
      const digest = blobOf(path);
      if (method === "GET" && digest !== null) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  /** Answers that are under way. */
  get open(): number {
    return this.seen.filter(({ ended }) => !ended).length;
  }

  get blobBytes(): number {
    return this.seen.reduce((sum, { path, sent }) => (blobOf(path) === null ? sum : sum + sent), 0);
  }

  /** As if nothing had been asked, and without faults. */
  reset(): void {
    this.seen.length = 0;
    this.fault = () => null;
    this.gate = () => null;
    this.onBytes = () => undefined;
    this.user = null;
    this.#isDown = false;
  }

  /** Until `reset`, as a machine that has lost its power. */
  die(): void {
    this.#isDown = true;
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #pass(incoming: IncomingMessage, answer: ServerResponse): void {
    if (this.#isDown) {
      incoming.socket.destroy();
      return;
    }
    const { method = "", url = "", headers } = incoming;
    const digest = method === "GET" ? blobOf(url) : null;
    const blob =
      digest === null ? null : { digest, range: headers.range ?? null, before: this.fetched.get(digest) ?? 0 };
    const seen: SeenRequest = {
      method,
      path: url,
      authorization: headers.authorization ?? null,
      sent: 0,
      ended: false,
    };
    this.seen.push(seen);
    answer.on("close", () => (seen.ended = true));
    if (this.user !== null && headers.authorization !== basic(this.user)) {
      answer.writeHead(401, { "www-authenticate": 'Basic realm="a private registry"' }).end("{}");
      return;
    }
    const fault = blob === null ? null : this.fault(blob);
    if (fault?.kind === "status") {
      answer.writeHead(fault.status, fault.headers).end("{}");
      return;
    }
    const go = () => this.#forward(incoming, answer, fault, seen);
    const gate = digest === null ? null : this.gate(digest);
    if (gate === null) go();
    else void gate.then(go);
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse, fault: Fault | null, seen: SeenRequest): void {
    const { method = "", url = "", headers } = incoming;
    const { authorization: _, ...passed } = headers;
    const onwardHeaders = this.user === null ? headers : passed;
    const target = new URL(url, `http://${this.#upstream}`).href;
    const onward = request(target, { method, headers: onwardHeaders }, (received) => {
      this.#answer(received, answer, fault, seen);
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  #answer(received: IncomingMessage, answer: ServerResponse, fault: Fault | null, seen: SeenRequest): void {
    const { statusCode = 502, headers } = received;
    const start = Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? 0);
    const isShort = fault?.kind === "short" && fault.at > start;
    answer.writeHead(statusCode, isShort ? { ...headers, "content-length": String(fault.at - start) } : headers);
    received.on("data", (chunk: Buffer) => {
      const broken = fault === null ? chunk : breakChunk(chunk, start + seen.sent, fault);
      seen.sent += broken.length;
      if (blobOf(seen.path) !== null) this.onBytes(broken.length);
      if (!answer.write(broken)) {
        received.pause();
        answer.once("drain", () => received.resume());
      }
      if (fault === null || broken.length === chunk.length) return;
      received.destroy();
      if (isShort) answer.end();
      else if (fault.kind !== "stall") answer.socket?.end(() => answer.destroy());
    });
    received.on("end", () => answer.end());
  }
}

/** What of a chunk still goes on. */
function breakChunk(chunk: Buffer, before: number, fault: Fault): Buffer {
  if (fault.kind === "status") return chunk;
  const offset = fault.at - before;
  if (offset >= chunk.length) return chunk;
  if (fault.kind !== "flip") return chunk.subarray(0, Math.max(0, offset));
  if (offset < 0) return chunk;
  const flipped = Buffer.from(chunk);
  flipped[offset] = (chunk[offset] ?? 0) ^ 1;
  return flipped;
}

const basic = ({ user, password }: RegistryUser) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function blobOf(path: string): string | null {
  return /\/blobs\/(sha\d+:[0-9a-f]+)$/.exec(path)?.[1] ?? null;
}
