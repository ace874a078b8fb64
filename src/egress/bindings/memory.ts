/** How much of bodies all requests of an isolate hold together: one that would take more is asked to come again. */
import { GantryError } from "../../errors.ts";

/** Half of what an isolate may have: what is held is copied once more on its way out. */
export const MAX_HELD_BYTES = 64 * 1_048_576;

let held = 0;

/** Of one request. */
export class HeldMemory {
  #bytes = 0;

  readonly take = (bytes: number): void => {
    if (held + bytes > MAX_HELD_BYTES) {
      const message = `bodies of ${held} bytes are being taken already: come again, or send Content-Length to R2`;
      throw new GantryError("RATE_LIMITED", message, { held, limit: MAX_HELD_BYTES });
    }
    held += bytes;
    this.#bytes += bytes;
  };

  release(): void {
    held -= this.#bytes;
    this.#bytes = 0;
  }
}
