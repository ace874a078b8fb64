/** The bytes of an archive, or of a range of it, to a client. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { algorithmOf } from "../../../src/registry/oci/digest.ts";
import { piecesOf } from "../archive/plan.ts";
import { DownloadError } from "../errors.ts";
import type { LayerCache } from "./layer-cache.ts";
import type { Download } from "./prepare.ts";

export interface SendOptions {
  readonly signal?: AbortSignal;
  /** Bytes that were handed over since the last call. */
  readonly onProgress?: (bytes: number) => void;
  readonly cache?: LayerCache | undefined;
}

export async function send(
  download: Download,
  { start, end }: { readonly start: number; readonly end: number },
  response: ServerResponse,
  { signal, onProgress }: SendOptions,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const over = signal === undefined ? gone.signal : AbortSignal.any([signal, gone.signal]);
  const write = async (bytes: Uint8Array) => {
    over.throwIfAborted();
    onProgress?.(bytes.length);
    if (!response.write(bytes)) await once(response, "drain", { signal: over });
  };
  try {
    for (const piece of piecesOf(download.plan, start, end)) {
      if (piece.kind === "bytes") {
        await write(piece.bytes);
        continue;
      }
      const { stored, image } = piece.blob;
      const registry = download.registries[image];
      const { repository } = download.images[image]?.reference ?? {};
      if (registry === undefined || repository === undefined) throw new Error("a blob of no image");
      const { body } = await registry.blob({ repository, digest: stored.digest, size: stored.size }, over);
      const hash = createHash(algorithmOf(stored.digest));
      let at = 0;
      let held: Uint8Array | null = null;
      for await (const chunk of body) {
        hash.update(chunk);
        const wanted = chunk.subarray(Math.max(0, piece.start - at), Math.max(0, piece.end - at));
        at += chunk.length;
        if (wanted.length === 0) continue;
        if (held !== null) await write(held);
        held = wanted;
      }
      if (`${algorithmOf(stored.digest)}:${hash.digest("hex")}` !== stored.digest) {
        throw new DownloadError("REGISTRY_INVALID", `${stored.digest} came with other bytes`);
      }
      if (held !== null) await write(held);
    }
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}
