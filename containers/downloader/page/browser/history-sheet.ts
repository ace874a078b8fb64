/** The history as a sheet: what it was, when, how large, and once more. */
import { openDetails } from "./details/sheet.ts";
import { announce, button, byId, h } from "./dom.ts";
import { followLink } from "./download-link.ts";
import { bytesText, dateTimeText } from "./format.ts";
import { forgetHistory, history, type HistoryEntry } from "./history.ts";
import { icon } from "./icons.ts";
import { locale, t } from "./language.ts";
import { nameOf } from "./requests.ts";
import { fillSheet, openSheet, startSheet } from "./sheets.ts";

export function startHistory(): void {
  const sheet = byId("history", HTMLDialogElement);
  startSheet(sheet);
  byId("open-history", HTMLButtonElement).addEventListener("click", () => {
    show(sheet);
    openSheet(sheet);
  });
}

function show(sheet: HTMLDialogElement): void {
  const entries = history();
  const body = h("div", { class: "sheet-body" });
  if (entries.length === 0) {
    body.append(h("p", { class: "empty" }, t().historyEmpty));
  } else {
    const clear = button(
      { class: "quiet" },
      () => {
        forgetHistory();
        show(sheet);
        sheet.querySelector("h2")?.focus();
        announce(t().historyCleared);
      },
      icon("remove"),
      t().historyClear,
    );
    body.append(
      h("ul", { class: "rows" }, ...entries.map((entry) => row(entry, sheet))),
      h("div", { class: "actions" }, clear),
    );
  }
  fillSheet(sheet, t().historyTitle, [], body);
}

function row(entry: HistoryEntry, sheet: HTMLDialogElement): HTMLElement {
  const { images, platform, bytes, at, isPrivate } = entry;
  const name = nameOf(entry);
  const facts = [dateTimeText(at, locale()), platform, bytes === undefined ? undefined : bytesText(bytes, locale())];
  const again = button(
    { class: "icon-button", "aria-label": t().againFor(name), title: t().again },
    () => {
      // Who may have it is asked again.
      if (!isPrivate) return followLink({ request: entry, bytes });
      sheet.close();
      openDetails(images[0] ?? "");
    },
    icon("download"),
  );
  const what = h(
    "div",
    { class: "what" },
    h("span", { class: "name", title: images.join("\n") }, name),
    h("span", { class: "dim" }, facts.filter((fact) => fact !== undefined).join(" · ")),
  );
  return h("li", {}, what, again);
}
