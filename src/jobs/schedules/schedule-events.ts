/** What an application's events say of its schedules. */
import type { EventDraft } from "../../orchestrator/events.ts";
import { iso } from "../../iso.ts";
import type { RunsPlan } from "./plan-runs.ts";
import type { Schedule } from "./schedule.ts";

export type ScheduleChange =
  | "ScheduleCreated"
  | "ScheduleChanged"
  | "ScheduleSuspended"
  | "ScheduleResumed"
  | "ScheduleDeleted";

const VERBS: Readonly<Record<ScheduleChange, string>> = {
  ScheduleCreated: "created",
  ScheduleChanged: "changed",
  ScheduleSuspended: "suspended: it fires nothing until it is resumed",
  ScheduleResumed: "resumed",
  ScheduleDeleted: "deleted",
};

export function scheduleChanged(name: ScheduleChange, schedule: Schedule, actor: string): EventDraft {
  const message = `schedule ${schedule.name} ${VERBS[name]} by ${actor}`;
  return { type: "Info", name, message, details: { schedule: schedule.name } };
}

export function fired(schedule: Schedule, slot: number, job: string, by: string | null): EventDraft {
  const at = iso(slot);
  return {
    type: "Info",
    name: "ScheduleFired",
    message: by === null ? `schedule ${schedule.name} fired for ${at}` : `schedule ${schedule.name} run by ${by}`,
    details: { schedule: schedule.name, scheduled_at: at, job, manual: by !== null },
  };
}

/** Of all slots that one look has found: as few events as reasons. */
export function notFired({ name }: Schedule, { skipped, missed, hasMissedMore }: RunsPlan): EventDraft[] {
  const told = [...groupsOf(skipped)].map(([reason, of]): EventDraft => {
    const why = of[0]?.message ?? "";
    return draft("ScheduleSkipped", `schedule ${name} skipped ${slotsOf(of)}: ${why}`, name, reason, of);
  });
  const late = [...groupsOf(missed)].map(([reason, of]): EventDraft => {
    const why = reason === "Misfire" ? "too late, as its misfire policy says" : "later than its starting deadline";
    const more = hasMissedMore ? " and earlier ones" : "";
    return draft("ScheduleMissed", `schedule ${name} missed ${slotsOf(of)}${more}: ${why}`, name, reason, of);
  });
  return [...told, ...late];
}

type Slots = readonly { readonly slot: number }[];

function draft(name: string, message: string, schedule: string, reason: string, slots: Slots): EventDraft {
  const first = iso(slots[0]?.slot ?? 0);
  const last = iso(slots.at(-1)?.slot ?? 0);
  return { type: "Warn", name, message, details: { schedule, reason, slots: slots.length, first, scheduled_at: last } };
}

function slotsOf(slots: Slots): string {
  const [first, last] = [iso(slots[0]?.slot ?? 0), iso(slots.at(-1)?.slot ?? 0)];
  return slots.length === 1 ? first : `${slots.length} runs from ${first} to ${last}`;
}

function groupsOf<T extends { readonly reason: string }>(items: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(item.reason, [...(groups.get(item.reason) ?? []), item]);
  return groups;
}
