/**
 * Totals over all events that an application ever had, also those that are no longer kept. They ride in the row of each
 * event, so that they cost no row of their own and the newest row knows them all.
 */
import type { EventDraft, EventType } from "./events.ts";
import type { OutcomeKind } from "./plan/deployment.ts";

/** How a placement's container came to its end: `details.outcome` of the events that tell of one. */
const ENDS = [
  "exited",
  "killed",
  "stopped",
  "lost",
  "unknown",
  "refused",
  "unavailable",
  "never-started",
] as const satisfies readonly OutcomeKind[];
export type EndKind = (typeof ENDS)[number];

export interface EventTotals {
  readonly types: Readonly<Partial<Record<EventType, number>>>;
  readonly ends: Readonly<Partial<Record<EndKind, number>>>;
}

export const NO_EVENTS: EventTotals = { types: {}, ends: {} };

export function addToTotals({ types, ends }: EventTotals, draft: EventDraft): EventTotals {
  const outcome = draft.details?.["outcome"];
  const end = draft.deployment === undefined ? undefined : ENDS.find((kind) => kind === outcome);
  return {
    types: { ...types, [draft.type]: (types[draft.type] ?? 0) + 1 },
    ends: end === undefined ? ends : { ...ends, [end]: (ends[end] ?? 0) + 1 },
  };
}
