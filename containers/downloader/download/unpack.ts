/** A layer of zstd as the tar that is in it, verified by the digest that the image's config has for it. */
import { createHash } from "node:crypto";
import { constants, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { algorithmOf, type Digest } from "../../../src/registry/oci/digest.ts";
import { DownloadError } from "../errors.ts";
import type { BlobReader } from "./flights.ts";
import { FrameCutter } from "./zstd-frames.ts";

/** 64 MiB, of which engines keep no more either. */
const WINDOW_LOG = 26;

/** `reader`: of the whole layer as it is stored. `size`: where it is known. The last bytes wait for the digest. */
export async function* unpacked(
  reader: BlobReader,
  digest: Digest,
  size: number | null,
): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = createZstdDecompress({
    chunkSize: 262_144,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
  });
  const feed = feeding(reader, inflate);
  feed.catch((error: unknown) => inflate.destroy(error instanceof Error ? error : new Error(String(error))));
  const algorithm = algorithmOf(digest);
  const hash = createHash(algorithm);
  let length = 0;
  let held: Uint8Array | null = null;
  try {
    for await (const bytes of inflate as AsyncIterable<Buffer>) {
      hash.update(bytes);
      length += bytes.length;
      if (size !== null && length > size) break;
      if (held !== null) yield held;
      held = bytes;
    }
    await feed;
    if (`${algorithm}:${hash.digest("hex")}` !== digest || (size !== null && length !== size)) {
      const message = `a layer of zstd has not what the image's config says is in it, ${digest}`;
      throw new DownloadError("REGISTRY_INVALID", message);
    }
    if (held !== null) yield held;
  } catch (error) {
    throw isZstd(error) ? new DownloadError("REGISTRY_INVALID", `a layer is no zstd: ${error.message}`) : error;
  } finally {
    inflate.destroy();
    reader.leave();
  }
}

function isZstd(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(?:ZSTD_|Z_BUF_)/.test(String(error.code));
}

/** Resolves at the end of the layer, after its own digest was right. */
async function feeding(reader: BlobReader, inflate: ZstdDecompress): Promise<void> {
  const frames = new FrameCutter();
  for (let piece = await reader.next(); piece !== null; piece = await reader.next()) {
    try {
      for (const part of frames.cut(piece.bytes)) await written(inflate, part);
    } finally {
      piece.release();
    }
  }
  inflate.end();
}

async function written(inflate: ZstdDecompress, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    inflate.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}
