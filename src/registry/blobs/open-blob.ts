/** Bytes of a blob that the index knows. Where an object of it turns out to be missing, the index is told. */
import type { BlobRecord, RegistryIndex } from "../store/contract.ts";
import { openRange, SegmentMissing, type ByteRange } from "./read.ts";

export interface BlobStore {
  readonly bucket: R2Bucket;
  readonly index: Pick<RegistryIndex, "loseBlob">;
}

/** Throws `SegmentMissing` where the first object that it needs is not there. */
export async function openBlob(
  { bucket, index }: BlobStore,
  { digest, segments }: BlobRecord,
  range: ByteRange,
): Promise<ReadableStream<Uint8Array>> {
  const lose = async ({ key }: SegmentMissing) => {
    console.error({ message: "registry.blob.lost", digest, key });
    await index.loseBlob(digest, key);
  };
  try {
    return await openRange(bucket, segments, range, lose);
  } catch (error) {
    if (error instanceof SegmentMissing) await lose(error);
    throw error;
  }
}
