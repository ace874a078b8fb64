/** Reads what came from a server or was kept: of the expected kind, or as if it were not there. */
type Fields = Readonly<Record<string, unknown>>;

export function asRecord(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function texts(value: unknown): readonly string[] {
  return asList(value).flatMap((one) => asText(one) ?? []);
}
