/**
 * Joins two sockets both ways: an end on one side is an end on the other (half-close), a failure on one side resets
 * the other, so that neither peer takes a broken stream for a complete one.
 */
import type { Duplex } from "node:stream";
import { Socket } from "node:net";

export function splice(a: Duplex, b: Duplex): void {
  a.pipe(b);
  b.pipe(a);
  dropTogether(a, b);
  dropTogether(b, a);
}

function dropTogether(from: Duplex, to: Duplex): void {
  from.on("error", () => reset(to));
  from.on("close", () => {
    // Closed before its end was read: cut off, not finished.
    if (from.readableEnded) return;
    reset(to);
  });
}

export function reset(stream: Duplex): void {
  if (stream.destroyed) return;
  if (stream instanceof Socket) stream.resetAndDestroy();
  else stream.destroy();
}
