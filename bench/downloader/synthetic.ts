/**
 * A registry in a process of its own with one image as large as is asked for: layers of one block over and over, behind
 * eight bytes that make each another one. Nothing is on a disk, and sending costs little beside what reads it.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const BLOCK_BYTES = 1_048_576;
const HEAD_BYTES = 8;
const LAYER = "application/vnd.oci.image.layer.v1.tar";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export interface SyntheticRegistry {
  /** Of its only image. */
  readonly reference: string;
  /** Of all its layers. */
  readonly bytes: number;
  stop(): Promise<void>;
}

const started = z.object({ port: z.number() });

/** `layers`: the bytes of each. Resolves when the digests are known, which takes as long as reading all of it once. */
export async function startSyntheticRegistry(layers: readonly number[]): Promise<SyntheticRegistry> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(layers)]);
  const [message] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the synthetic registry ended with ${code}`);
    }),
  ]);
  const { port } = started.parse(message);
  return {
    reference: `127.0.0.1:${port}/synthetic/image:latest`,
    bytes: layers.reduce((sum, bytes) => sum + bytes, 0),
    stop: async () => {
      if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
    },
  };
}

const BLOCK = Buffer.alloc(BLOCK_BYTES, "the same block of bytes again and again, ");

/** Bytes `from` to before `to` of layer `index`, in pieces. */
function* piecesOf(index: number, from: number, to: number): Generator<Buffer> {
  let at = from;
  if (at < HEAD_BYTES) {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeBigUInt64BE(BigInt(index));
    const end = Math.min(to, HEAD_BYTES);
    yield head.subarray(at, end);
    at = end;
  }
  while (at < to) {
    const start = (at - HEAD_BYTES) % BLOCK_BYTES;
    const piece = BLOCK.subarray(start, Math.min(BLOCK_BYTES, start + to - at));
    yield piece;
    at += piece.length;
  }
}

interface Blob {
  readonly size: number;
  readonly type: string;
  readonly pieces: (from: number, to: number) => Iterable<Buffer>;
}

function sha256(pieces: Iterable<Buffer>): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return `sha256:${hash.digest("hex")}`;
}

/** What is asked for, by the end of its path. */
function contentOf(layers: readonly number[]): ReadonlyMap<string, Blob> {
  const content = new Map<string, Blob>();
  const add = (blob: Blob, ...names: readonly string[]) => {
    const digest = sha256(blob.pieces(0, blob.size));
    for (const name of [digest, ...names]) content.set(name, blob);
    return { mediaType: blob.type, digest, size: blob.size };
  };
  const addJson = (value: unknown, type: string, ...names: readonly string[]) => {
    const bytes = Buffer.from(JSON.stringify(value));
    return add({ size: bytes.length, type, pieces: (from, to) => [bytes.subarray(from, to)] }, ...names);
  };
  const described = layers.map((size, index) =>
    add({ size, type: LAYER, pieces: (from, to) => piecesOf(index, from, to) }),
  );
  const rootfs = { type: "layers", diff_ids: described.map(({ digest }) => digest) };
  const config = addJson({ architecture: "amd64", os: "linux", config: {}, rootfs }, CONFIG);
  addJson({ schemaVersion: 2, mediaType: MANIFEST, config, layers: described }, MANIFEST, "latest");
  return content;
}

async function answer(blob: Blob, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(incoming.headers.range ?? "") ?? [];
  const from = Number(first ?? 0);
  const to = last === undefined || last === "" ? blob.size : Math.min(blob.size, Number(last) + 1);
  response.setHeader("content-type", blob.type);
  response.setHeader("content-length", to - from);
  response.setHeader("docker-distribution-api-version", "registry/2.0");
  if (first !== undefined) response.setHeader("content-range", `bytes ${from}-${to - 1}/${blob.size}`);
  response.writeHead(first === undefined ? 200 : 206);
  if (incoming.method === "HEAD") response.end();
  else await pipeline(Readable.from(blob.pieces(from, to)), response);
}

function serve(layers: readonly number[]): void {
  const content = contentOf(layers);
  const server = createServer((incoming, response) => {
    const { pathname } = new URL(incoming.url ?? "/", "http://registry");
    if (pathname === "/v2/") return void response.end("{}");
    const blob = content.get(decodeURIComponent(pathname.split("/").at(-1) ?? ""));
    if (blob === undefined) return void response.writeHead(404).end('{"errors":[{"code":"NOT_FOUND"}]}');
    answer(blob, incoming, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

if (import.meta.main) serve(z.array(z.number()).parse(JSON.parse(process.argv[2] ?? "[]")));
