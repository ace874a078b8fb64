/** Lines that can be copied with one press. */
import { announce, button, fill, h } from "./dom.ts";
import { icon } from "./icons.ts";
import { t } from "./language.ts";

const SHOWN_MS = 2_000;

export function copyLine(text: string): HTMLElement {
  const copy = button({ class: "icon-button", "aria-label": t().copy, title: t().copy }, () => {
    void copied(text).then((isCopied) => {
      fill(copy, icon(isCopied ? "check" : "close"));
      setTimeout(() => fill(copy, icon("copy")), SHOWN_MS);
    });
  });
  copy.append(icon("copy"));
  return h("div", { class: "line" }, h("code", {}, text), copy);
}

/** Outside of a secure context a page has no clipboard. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    announce(t().copied);
    return true;
  } catch {
    announce(t().copyFailed);
    return false;
  }
}
