/** Times and lengths of time on the wire; what is not there is null. */

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : iso(ms);
}

export function secondsOrNull(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
