/** What this browser keeps of the page. A visitor may have forbidden it: then nothing is kept, and all else works. */
const PREFIX = "gantry-downloader-";

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Forbidden, or full.
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Forbidden.
  }
}
