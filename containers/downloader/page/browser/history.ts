/** What was downloaded with this browser, newest first; it stays here. No user and no password is ever a part of it. */
import { isFormat, type DownloadRequest } from "./requests.ts";
import { asList, asNumber, asRecord, asText, texts } from "./shapes.ts";
import { forget, keep, kept } from "./storage.ts";

const KEY = "history";
const MAX_ENTRIES = 50;

export interface HistoryEntry extends DownloadRequest {
  readonly at: number;
  readonly bytes?: number | undefined;
  /** Nobody gets it again by a link alone. */
  readonly isPrivate: boolean;
}

export function history(): readonly HistoryEntry[] {
  return parseHistory(kept(KEY));
}

export function remember(entry: HistoryEntry): void {
  keep(KEY, JSON.stringify([entry, ...history()].slice(0, MAX_ENTRIES)));
}

export function forgetHistory(): void {
  forget(KEY);
}

/** Entries of another version of the page, or of somebody who wrote there by hand, are left out. */
export function parseHistory(text: string | null): readonly HistoryEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  return asList(value).flatMap((one) => {
    const { images, platform, format, at, bytes, isPrivate } = asRecord(one);
    const names = texts(images);
    const known = asText(platform);
    if (names.length === 0 || known === undefined || !isFormat(format)) return [];
    return {
      images: names,
      platform: known,
      format,
      at: asNumber(at) ?? 0,
      bytes: asNumber(bytes),
      isPrivate: isPrivate === true,
    };
  });
}
