/**
 * Calls that come back to where they began. What a call has come through is in a header, which a container passes on or
 * does not: one that does not is held by how many calls an instance may have open, see `open-calls.ts`. Pure.
 */
import { VIA_HEADER } from "../../containers/refusal.ts";
import { GantryError } from "../../errors.ts";

/** Applications that a call may have come through. */
const MAX_VIA = 8;
/** How often one of them may be the application that is called. */
const MAX_VISITS = 1;

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** What the caller says that its call has come through. Anything but names is dropped: Gantry has not written it. */
export function viaOf(headers: Headers): readonly string[] {
  const entries = headers.get(VIA_HEADER)?.split(",") ?? [];
  return entries.map((entry) => entry.trim()).filter((entry) => NAME.test(entry));
}

/** What the container that is called hears. */
export function viaHeader(via: readonly string[], caller: string): string {
  return [...via, caller].join(", ");
}

export function refuseLoop(via: readonly string[], called: string): void {
  const visits = via.filter((name) => name === called).length;
  if (via.length < MAX_VIA && visits <= MAX_VISITS) return;
  const why =
    visits > MAX_VISITS
      ? `it has been at ${called} ${visits} times already`
      : `it has come through ${via.length} applications already, and at most ${MAX_VIA} are gone through`;
  const message = `the call to ${called} goes in a circle: ${why}`;
  throw new GantryError("CALL_LOOP", message, { application: called, via: via.slice(0, MAX_VIA * 2) });
}
