/** Sizes, times and numbers as people of a language write them. */
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Three figures at most; `999.6 kB` is `1 MB`. */
export function bytesText(bytes: number, locale: string): string {
  let unit = 0;
  let value = Math.max(0, bytes);
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (unit === 0) return `${numberText(Math.round(value), locale)} B`;
  const digits = value >= 99.95 ? 0 : 1;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: UNITS[unit] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: digits,
  }).format(value);
}

export function numberText(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value);
}

/** `1.2M`: where the order matters and the figure does not. */
export function compactText(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function percentText(share: number, locale: string): string {
  return new Intl.NumberFormat(locale, { style: "percent" }).format(share);
}

/** Seconds, minutes or hours, rounded up: nobody plans by the second of an hour. */
export function durationText(seconds: number, locale: string): string {
  const whole = Math.max(1, Math.ceil(seconds));
  const [value, unit] =
    whole < 90
      ? [whole, "second"]
      : whole < 5400
        ? [Math.ceil(whole / 60), "minute"]
        : [Math.ceil(whole / 3600), "hour"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(value);
}

export function dateText(time: string | number, locale: string): string | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(date);
}

export function dateTimeText(time: string | number, locale: string): string | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(date);
}
