/**
 * How a stop went, step by step. The steps ride in the details of the one event that tells of the end, so that they cost
 * no rows of their own; whoever shows a placement makes events of them again. Pure.
 */
import { iso } from "../iso.ts";

export interface StopTimeline {
  readonly cordonedAt: number;
  /**
   * - `drained`: nothing was under way, or all of it came to its end
   * - `timed_out`: `drain_timeout` was over first
   * - `interrupted`: the object was reset, which ends what was under way
   * - `skipped`: the container was not waited for
   * - null: still draining
   */
  readonly drain: "drained" | "timed_out" | "interrupted" | "skipped" | null;
  readonly drainedAt: number | null;
  /** Requests, streams and WebSockets: when the drain began, and cut off at its end. */
  readonly inFlight: number;
  readonly cutOff: number;
  readonly sigtermAt: number | null;
  readonly sigkillAt: number | null;
  /** What was sent at `sigtermAt`, where it was not SIGTERM. */
  readonly signal?: number;
}

type Details = Readonly<Record<string, string | number | boolean | null>>;

export interface StopEvent {
  readonly name: "Cordoned" | "Drained" | "DrainTimedOut" | "DrainInterrupted" | "SigtermSent" | "SigkillSent";
  readonly type: "Info" | "Warn";
  readonly message: string;
  /** Epoch ms. */
  readonly time: number;
}

export function timelineDetails(timeline: StopTimeline | undefined): Record<string, string | number> {
  if (timeline === undefined) return {};
  const { cordonedAt, drain, drainedAt, inFlight, cutOff, sigtermAt, sigkillAt, signal } = timeline;
  return {
    cordoned_at: iso(cordonedAt),
    in_flight: inFlight,
    ...(drain === null ? {} : { drain }),
    ...(drainedAt === null ? {} : { drained_at: iso(drainedAt), cut_off: cutOff }),
    ...(sigtermAt === null ? {} : { sigterm_at: iso(sigtermAt) }),
    ...(sigkillAt === null ? {} : { sigkill_at: iso(sigkillAt) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The steps of a stop in their order, from the details of the event of its end; none when they tell of no stop. */
export function stopTimeline(details: Details | undefined): StopEvent[] {
  if (details === undefined) return [];
  const { signal } = details;
  const sent = typeof signal === "number" ? `sent signal ${signal} in place of SIGTERM` : "sent SIGTERM";
  const events: (StopEvent | null)[] = [
    step(details["cordoned_at"], "Cordoned", "Info", `no new requests; ${count(details["in_flight"])} under way`),
    drainStep(details),
    step(details["sigterm_at"], "SigtermSent", "Info", sent),
    step(details["sigkill_at"], "SigkillSent", "Warn", "sent SIGKILL: the container did not stop in time"),
  ];
  return events.filter((event) => event !== null);
}

function drainStep(details: Details): StopEvent | null {
  const at = details["drained_at"];
  const drain = details["drain"];
  if (drain === "drained") return step(at, "Drained", "Info", "nothing is under way any more");
  if (drain === "timed_out") {
    return step(at, "DrainTimedOut", "Warn", `waited long enough; ${count(details["cut_off"])} still under way`);
  }
  if (drain !== "interrupted") return null;
  return step(at, "DrainInterrupted", "Warn", "the object was reset, which ended what was under way");
}

function step(
  at: string | number | boolean | null | undefined,
  name: StopEvent["name"],
  type: StopEvent["type"],
  message: string,
): StopEvent | null {
  const time = typeof at === "string" ? Date.parse(at) : Number.NaN;
  return Number.isNaN(time) ? null : { name, type, message, time };
}

function count(value: string | number | boolean | null | undefined): number {
  return typeof value === "number" ? value : 0;
}
