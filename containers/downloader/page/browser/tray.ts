/** The list of downloads under way, at the end of the window: how far each is, how fast, and what to do after a cut. */
import { commandLines } from "./command-lines.ts";
import { copied } from "./copy.ts";
import { announce, button, byId, fill, h } from "./dom.ts";
import { bytesText, durationText, percentText } from "./format.ts";
import { icon } from "./icons.ts";
import { locale, onLanguage, t } from "./language.ts";
import { nameOf } from "./requests.ts";
import { dismissTransfer, isOver, onTransfer, type Transfer, type TransferState } from "./transfers.ts";

interface Row {
  readonly element: HTMLLIElement;
  readonly state: HTMLElement;
  readonly progress: HTMLProgressElement;
  readonly actions: HTMLElement;
  transfer: Transfer;
  /** What was said last: somebody who listens is told of each quarter, not of each event. */
  said: { state: TransferState; quarter: number };
}

const rows = new Map<string, Row>();

export function startTray(): void {
  const tray = byId("tray", HTMLElement);
  const list = byId("tray-list", HTMLUListElement);
  onTransfer((transfer, id) => {
    if (transfer === undefined) {
      rows.get(id)?.element.remove();
      rows.delete(id);
    } else {
      const row = rows.get(id) ?? newRow(transfer, list);
      row.transfer = transfer;
      show(row);
      say(row);
    }
    tray.hidden = rows.size === 0;
  });
  onLanguage(() => {
    for (const { element, transfer } of rows.values()) {
      element.remove();
      show(newRow(transfer, list));
    }
  });
}

function newRow(transfer: Transfer, list: HTMLUListElement): Row {
  const name = nameOf(transfer.request);
  const state = h("div", { class: "state" });
  const progress = h("progress", { max: 1, "aria-label": t().progressOf(name) });
  const actions = h("div", { class: "actions" });
  const dismiss = button(
    { class: "icon-button", "aria-label": t().dismiss(name), title: t().close },
    () => dismissTransfer(transfer.id),
    icon("close"),
  );
  const element = h("li", { class: "transfer" }, h("span", { class: "name" }, name), dismiss, state, progress, actions);
  const row: Row = { element, state, progress, actions, transfer, said: { state: "waiting", quarter: 0 } };
  list.prepend(element);
  rows.set(transfer.id, row);
  if (transfer.state === "waiting") announce(t().announceStart(name));
  return row;
}

function show({ state, progress, actions, transfer }: Row): void {
  fill(state, ...stateOf(transfer));
  if (transfer.state === "done") progress.value = 1;
  else if (transfer.total === undefined || transfer.total === 0) progress.removeAttribute("value");
  else progress.value = Math.min(1, transfer.bytes / transfer.total);
  progress.hidden = transfer.state === "failed" || transfer.state === "unknown";
  const isResumable = transfer.state === "cut" || transfer.state === "failed";
  if (isResumable === actions.childElementCount > 0) return;
  const line = commandLines(transfer.request, location.origin, transfer.user).fetch;
  fill(actions, isResumable ? button({ class: "quiet" }, () => void copied(line), icon("copy"), t().resumeLine) : null);
}

function stateOf(transfer: Transfer): HTMLElement[] {
  const { state, bytes, total, speed, message } = transfer;
  switch (state) {
    case "waiting":
      return [h("span", {}, t().waiting)];
    case "running": {
      const done = total === undefined ? t().runningUnknown(size(bytes)) : t().running(size(bytes), size(total));
      const left = total === undefined || speed === 0 ? undefined : (total - bytes) / speed;
      return [
        h("span", {}, done),
        ...(speed === 0 ? [] : [h("span", {}, t().speed(size(speed)))]),
        ...(left === undefined ? [] : [h("span", {}, t().left(durationText(left, locale())))]),
      ];
    }
    case "done":
      return [h("span", { class: "good" }, t().doneBytes(size(bytes)))];
    case "cut":
      return [h("span", { class: "bad" }, t().cut)];
    case "failed":
      return [h("span", { class: "bad" }, t().failed), ...(message === undefined ? [] : [h("span", {}, message)])];
    case "unknown":
      return [h("span", {}, t().unknownEnd)];
  }
}

function size(bytes: number): string {
  return bytesText(bytes, locale());
}

function say({ transfer, said }: Row): void {
  const name = nameOf(transfer.request);
  const share = transfer.total === undefined || transfer.total === 0 ? 0 : transfer.bytes / transfer.total;
  const quarter = Math.floor(share * 4);
  if (transfer.state !== said.state && isOver(transfer)) {
    announce(transfer.state === "done" ? t().announceDone(name) : t().announceFailed(name));
  } else if (quarter > said.quarter && !isOver(transfer)) {
    announce(t().announcePercent(name, percentText(quarter / 4, locale())));
  }
  said.state = transfer.state;
  said.quarter = quarter;
}
