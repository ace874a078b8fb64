/**
 * Sheets over the page: the browser's own modal dialogs, which keep the focus, close with Escape and give the focus back
 * to where it was. Downloads under way stay in sight: their list moves into the sheet that is open.
 */
import { byId, button, fill, h } from "./dom.ts";
import { icon } from "./icons.ts";
import { t } from "./language.ts";

export function openSheet(sheet: HTMLDialogElement): void {
  if (!sheet.open) sheet.showModal();
  sheet.scrollTop = 0;
  sheet.append(byId("tray", HTMLElement));
}

/** Once for each sheet. A press beside it closes it as well. */
export function startSheet(sheet: HTMLDialogElement, onClose?: () => void): void {
  sheet.addEventListener("close", () => {
    document.body.append(byId("tray", HTMLElement));
    onClose?.();
  });
  sheet.addEventListener("mousedown", (event) => {
    if (event.target !== sheet) return;
    const { left, right, top, bottom } = sheet.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    if (x < left || x > right || y < top || y > bottom) sheet.close();
  });
}

/** The title has the focus at first, so that a screen reader begins with it. */
export function fillSheet(
  sheet: HTMLDialogElement,
  title: string,
  under: readonly Node[],
  ...content: readonly (Node | null)[]
): void {
  const heading = h("h2", { id: `${sheet.id}-title`, tabindex: -1, autofocus: true }, title);
  const close = button(
    { class: "icon-button", "aria-label": t().close, title: t().close },
    () => sheet.close(),
    icon("close"),
  );
  const tray = sheet.querySelector("#tray");
  const below = under.length === 0 ? null : h("div", { class: "chips" }, ...under);
  fill(sheet, h("div", { class: "sheet-head" }, h("div", {}, heading, below), close), ...content, tray);
}
