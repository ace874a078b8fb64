/**
 * One layer that is larger than memory, made while it is sent: in one request, and in chunks as clients send them that were
 * told that a request may be so long. Then it is read back, and its digest has to be right.
 */
import { createHash, randomBytes } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { growthDuring, workerdMemory, type Growth } from "../../test/e2e/memory.ts";
import type { RegistrySide } from "./servers.ts";

const MIB = 1_048_576;
const PIECE = 4 * MIB;
export const CHUNK = 64 * MIB;

export interface LayerFigures {
  readonly way: "in one request" | "in chunks of 64 MiB" | "read back";
  readonly bytes: number;
  readonly seconds: number;
  readonly memory: Growth;
}

export interface LayerOptions {
  readonly bytes: number;
  readonly inChunks: boolean;
  readonly signal: AbortSignal;
}

export async function measureLayer(side: RegistrySide, options: LayerOptions): Promise<LayerFigures[]> {
  const { bytes, inChunks, signal } = options;
  const layer = new Layer(bytes);
  const way = inChunks ? "in chunks of 64 MiB" : "in one request";
  const sent = await timed(async () => await push({ side, signal }, layer, inChunks ? CHUNK : bytes));
  const read = await timed(async () => await pull({ side, signal }, layer));
  return [
    { way, bytes, ...sent },
    { way: "read back", bytes, ...read },
  ];
}

/** The same bytes at each reading; pieces differ from each other, so that a lost or doubled one is seen. */
class Layer {
  readonly bytes: number;
  readonly #piece = randomBytes(PIECE);
  #digest: string | null = null;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** From `begin` up to `end`, both at the limit of a piece or at the layer's end. */
  *pieces(begin: number, end: number): Generator<Buffer> {
    for (let at = begin; at < end; at += PIECE) {
      const piece = Buffer.from(this.#piece.subarray(0, Math.min(PIECE, end - at)));
      piece.writeDoubleBE(at, 0);
      yield piece;
    }
  }

  get digest(): string {
    if (this.#digest === null) {
      const hash = createHash("sha256");
      for (const piece of this.pieces(0, this.bytes)) hash.update(piece);
      this.#digest = `sha256:${hash.digest("hex")}`;
    }
    return this.#digest;
  }
}

async function push(to: Target, layer: Layer, step: number): Promise<void> {
  const { digest } = layer;
  const begun = await ask(to, "POST", "/v2/bench/layer/blobs/uploads/", {});
  let location = locationOf(begun, 202);
  for (let begin = 0; begin < layer.bytes; begin += step) {
    const end = Math.min(begin + step, layer.bytes);
    const isChunk = step < layer.bytes;
    const headers = {
      "content-type": "application/octet-stream",
      "content-length": String(end - begin),
      ...(isChunk ? { "content-range": `${begin}-${end - 1}` } : {}),
    };
    const answer = await ask(to, "PATCH", location, headers, Readable.from(layer.pieces(begin, end)));
    location = locationOf(answer, 202);
  }
  const separator = location.includes("?") ? "&" : "?";
  const ended = await ask(to, "PUT", `${location}${separator}digest=${encodeURIComponent(digest)}`, {});
  locationOf(ended, 201);
}

async function pull(from: Target, { digest, bytes }: Layer): Promise<void> {
  const hash = createHash("sha256");
  let length = 0;
  const answer = await ask(from, "GET", `/v2/bench/layer/blobs/${digest}`, {}, undefined, (piece) => {
    hash.update(piece);
    length += piece.length;
  });
  const found = `sha256:${hash.digest("hex")}`;
  if (answer.status !== 200 || length !== bytes || found !== digest) {
    throw new Error(`status ${answer.status}, ${length} bytes of ${bytes}, ${found} where ${digest} was pushed`);
  }
}

interface Target {
  readonly side: RegistrySide;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

function locationOf({ status, location, text }: Answer, wanted: number): string {
  if (status !== wanted || location === undefined) throw new Error(`status ${status} where ${wanted} was due: ${text}`);
  return location;
}

async function ask(
  { side: { host, user }, signal }: Target,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Readable,
  take?: (piece: Buffer) => void,
): Promise<Answer> {
  const url = new URL(path, `http://${host}`).href;
  const sent = request(url, {
    method,
    headers: { ...headers, ...(body === undefined && method !== "GET" ? { "content-length": "0" } : {}) },
    signal,
    auth: user === null ? null : `${user.user}:${user.password}`,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.once("error", reject);
  });
  if (body === undefined) sent.end();
  else await Promise.all([pipeline(body, sent), answered]);
  const answer = await answered;
  let text = "";
  for await (const piece of answer as AsyncIterable<Buffer>) {
    if (take === undefined) text += piece.toString();
    else take(piece);
  }
  return { status: answer.statusCode ?? 0, location: answer.headers.location, text };
}

async function timed(work: () => Promise<void>): Promise<{ seconds: number; memory: Growth }> {
  let seconds = Number.NaN;
  const memory = await growthDuring(workerdMemory, async () => {
    const began = performance.now();
    await work();
    seconds = (performance.now() - began) / 1_000;
  });
  return { seconds, memory };
}
