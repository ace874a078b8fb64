/**
 * Cron expressions: five fields (minute, hour, day of month, month, day of week), or a macro. Names of months and days,
 * lists, ranges, steps; Sunday is 0 and 7; where both days are given either will do, as in every cron. Parsing and the
 * calendar are croner's; here is the dialect, which leaves out what other crons read otherwise.
 */
import { Cron } from "croner";
import { GantryError } from "../../errors.ts";

const MACROS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const MAX_LENGTH = 200;
/** `L`, `W`, `#`, `?` and `+` mean different things to different crons. */
const FIELD = /^(?:[0-9*,/-]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|SUN|MON|TUE|WED|THU|FRI|SAT)+$/i;

export interface Expression {
  readonly source: string;
  /** Fires by the hours that go by, whatever the clocks show: its hour field begins with `*`. */
  readonly isByTheHour: boolean;
  /** The first local time after `local` that it names; null: there is none. */
  next(local: number): number | null;
}

/** Throws `VALIDATE_INPUT` that says what is wrong with `field`. */
export function parseExpression(source: string, field = "cron"): Expression {
  const refuse = (why: string): never => {
    throw new GantryError("VALIDATE_INPUT", `${field} ${why}`, { [field]: why });
  };
  const text = source.trim();
  if (text.length > MAX_LENGTH) refuse(`must have at most ${MAX_LENGTH} characters`);
  if (/^(?:CRON_)?TZ=/i.test(text)) refuse("must not begin with a time zone: give it in time_zone");
  const spelled = text.startsWith("@") ? MACROS[text.toLowerCase()] : text;
  if (spelled === undefined) return refuse(`must be one of ${Object.keys(MACROS).join(", ")}, or five fields`);
  const fields = spelled.split(/\s+/);
  if (fields.length !== 5) {
    refuse(`must have five fields (minute hour day month weekday), and has ${fields.length}; there are no seconds`);
  }
  for (const part of fields) {
    if (!FIELD.test(part)) refuse(`cannot have ${JSON.stringify(part)}: numbers, names, * , - and / only`);
  }
  const [, , days = "", , weekdays = ""] = fields;
  if (isStepped(days) !== isStepped(weekdays) && days !== "*" && weekdays !== "*") {
    refuse("has steps of * in one of day and weekday, beside the other: crons disagree on what that means");
  }
  let cron: Cron;
  try {
    cron = new Cron(fields.join(" "), { timezone: "UTC", mode: "5-part" });
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    return refuse(`is no cron expression: ${why}`);
  }
  const next = (local: number): number | null => cron.nextRun(new Date(local))?.getTime() ?? null;
  return { source: text, isByTheHour: fields[1]?.startsWith("*") ?? false, next };
}

function isStepped(field: string): boolean {
  return field.startsWith("*/");
}
