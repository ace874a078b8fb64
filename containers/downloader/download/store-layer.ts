/** A layer into the cache, while others read it. Whatever goes wrong here is nobody's business but the cache's. */
import { LEFT_BEHIND, type FlightReader } from "./flight.ts";
import type { LayerSink } from "./layer-cache.ts";

export async function storeLayer(reader: FlightReader, open: () => Promise<LayerSink | null>): Promise<void> {
  let sink: LayerSink | null = null;
  try {
    sink = await open();
    if (sink === null) return;
    for (;;) {
      const piece = await reader.next();
      if (piece === LEFT_BEHIND) throw new Error("the cache is too slow");
      if (piece === null) break;
      try {
        await sink.write(piece.bytes);
      } finally {
        piece.release();
      }
    }
    // The last piece came, so the digest was right.
    await sink.commit();
    sink = null;
  } catch {
    sink?.abandon();
  } finally {
    reader.leave();
  }
}
