/** Keeping a container's disk: the platform does it, and says why where it does not. */
import { describeError, GantryError } from "../errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { CommandPort } from "./port.ts";

export interface Taken {
  readonly id: string;
  readonly size: number;
}

/** Null when its container takes no requests now. */
export async function takeSnapshot(lifecycle: Lifecycle, port: CommandPort, name: string): Promise<Taken | null> {
  const { record, inFlight } = lifecycle;
  if (record === null || !record.ready) return null;
  inFlight.begin();
  try {
    const { id, size } = await port.snapshot(name);
    return { id, size };
  } catch (error) {
    const reason = describeError(error);
    throw new GantryError("SNAPSHOT_NOT_AVAILABLE", `the platform has taken no snapshot: ${reason}`, { reason });
  } finally {
    inFlight.end();
  }
}
