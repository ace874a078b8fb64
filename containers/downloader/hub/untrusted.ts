/** Values of answers of somebody else: of the kind that they should be, and no longer than they may be. */

export type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

export function shortText(value: unknown, most = 1_000): string {
  return typeof value === "string" ? value.slice(0, most) : "";
}

export function amount(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : 0;
}
