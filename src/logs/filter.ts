/** Which entries are wanted, and in which order they come. Pure. */
import { LEVELS, type Level, type LogEntry } from "./entry.ts";
import type { LogStream } from "./ring.ts";

export interface LogFilter {
  /** This and what is worse. */
  readonly level?: Level | undefined;
  /** `404`, `5xx`. */
  readonly statuses?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** In upper or lower case. */
  readonly contains?: string | undefined;
  readonly stream?: LogStream | undefined;
}

export function matches(entry: LogEntry, filter: LogFilter): boolean {
  const { level, statuses, since, until, contains, stream } = filter;
  if (level !== undefined && LEVELS.indexOf(entry.level) < LEVELS.indexOf(level)) return false;
  if (statuses !== undefined && !statuses.some((wanted) => hasStatus(entry, wanted))) return false;
  if (since !== undefined && entry.at < since) return false;
  if (until !== undefined && entry.at > until) return false;
  if (stream !== undefined && entry.stream !== stream) return false;
  return contains === undefined || entry.message.toLowerCase().includes(contains.toLowerCase());
}

function hasStatus({ status }: LogEntry, wanted: string): boolean {
  if (status === null) return false;
  return wanted.endsWith("xx") ? String(status)[0] === wanted[0] : String(status) === wanted;
}

const TIME_DIGITS = 15;

/** Sorts as text in the order of time, and of each stream in its own. */
export function orderKey({ at, instance, generation, attempt, stream, sequence }: LogEntry): string {
  const [time, ...numbers] = [at, generation, attempt ?? 0, sequence].map((n) => String(n).padStart(TIME_DIGITS, "0"));
  return `${time}:${instance.slice(0, 16)}:${numbers.slice(0, 2).join(":")}:${stream}:${numbers[2]}`;
}

export function sorted(entries: readonly LogEntry[], order: "newest" | "oldest"): LogEntry[] {
  const keyed = entries.map((entry) => ({ entry, key: orderKey(entry) }));
  const sign = order === "newest" ? -1 : 1;
  return keyed.toSorted((a, b) => (a.key === b.key ? 0 : a.key < b.key ? -sign : sign)).map(({ entry }) => entry);
}
