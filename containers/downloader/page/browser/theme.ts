/** Light, dark, or as the system is: an attribute of the root that the style sheet knows. */
import { keep, kept } from "./storage.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "theme";

function isTheme(value: unknown): value is Theme {
  return THEMES.some((theme) => theme === value);
}

export function startTheme(select: HTMLSelectElement): void {
  const chosen = kept(KEY);
  apply(isTheme(chosen) ? chosen : "system", select);
  select.addEventListener("change", () => {
    if (!isTheme(select.value)) return;
    keep(KEY, select.value);
    apply(select.value, select);
  });
}

function apply(theme: Theme, select: HTMLSelectElement): void {
  document.documentElement.dataset["theme"] = theme;
  select.value = theme;
}
