/** What is kept and told of placements that cannot be made: once when it begins, once for each reason, once when it ends. */
import type { Database } from "../../database.ts";
import { explainShortage, shortDetails } from "../capacity/explain.ts";
import type { EventDraft } from "../events.ts";
import type { BlockedPlacing } from "../plan/plan.ts";
import { readApplication, writeApplication, type ApplicationRow } from "../storage/application-row.ts";
import { explainBlocked, type BlockedReason } from "./placing.ts";

/** Changes the row where there is news, and returns what is to be told of it, as far as it was not told `elsewhere`. */
export function keepBlocked(
  db: Database,
  application: ApplicationRow,
  blocked: BlockedPlacing | null,
  now: number,
  elsewhere: readonly BlockedReason[] = [],
): EventDraft[] {
  const before = application.blocked ?? null;
  if (before?.reason === blocked?.reason) return [];
  // Read again: it is the row as it is, with one field changed.
  const row = readApplication(db) ?? application;
  const { blocked: _, ...rest } = row;
  if (blocked === null) {
    writeApplication(db, rest);
    if (elsewhere.length > 0) return [];
    const details = { reason: before?.reason ?? "", waited_ms: now - (before?.since ?? now) };
    return [{ type: "Info", name: "PlacementUnblocked", message: "what was blocked is being placed", details }];
  }
  const { reason, decision, shortage } = blocked;
  const shortfall = shortage === undefined ? {} : { shortfall: shortage.shortfall };
  writeApplication(db, { ...rest, blocked: { reason, since: now, ...shortfall } });
  if (elsewhere.includes(reason)) return [];
  const details = { reason, ...decision?.filtered, ...shortDetails(shortage) };
  const message = `not placed: ${explainBlocked(reason)}${explainShortage(shortage)}`;
  return [{ type: "Warn", name: "PlacementBlocked", message, details }];
}
