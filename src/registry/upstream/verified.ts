/**
 * A blob's bytes, passed on as they come but for the last of them, which wait until the digest is known to be right: what
 * is wrong never looks whole to whoever reads it.
 */
import { createHash } from "node:crypto";
import { algorithmOf, type Digest } from "../oci/digest.ts";
import { upstreamError } from "./failure.ts";

export function verified(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  digest: Digest,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const hash = createHash(algorithmOf(digest));
  const reader = body.getReader();
  let held: Uint8Array<ArrayBuffer> | null = null;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) {
            const found = `${algorithmOf(digest)}:${hash.digest("hex")}`;
            if (found !== digest) throw upstreamError("INVALID", `${digest} came with bytes of the digest ${found}`);
            if (held !== null) controller.enqueue(held);
            controller.close();
            return;
          }
          hash.update(value);
          const ready = held;
          held = value;
          if (ready === null) continue;
          controller.enqueue(ready);
          return;
        }
      },
      cancel: async (reason) => await reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
