/** Images that are to come in one archive, where the layers that they share are only once. */
import { isAbort, sizeOf } from "./api.ts";
import { commandLines } from "./command-lines.ts";
import { copyLine } from "./copy.ts";
import { button, byId, fill, h } from "./dom.ts";
import { downloadLink } from "./download-link.ts";
import { errorNotice } from "./errors.ts";
import { bytesText, numberText } from "./format.ts";
import { icon } from "./icons.ts";
import { locale, onLanguage, t } from "./language.ts";
import { downloadPath, type DownloadRequest } from "./requests.ts";
import { chooseFormat, choosePlatform, fillFormats, fillPlatforms, format, platform } from "./settings.ts";
import { texts } from "./shapes.ts";
import { fillSheet, openSheet, startSheet } from "./sheets.ts";
import { keep, kept } from "./storage.ts";

const KEY = "basket";
/** As many as the server puts into one archive. */
const MAX_IMAGES = 10;

let asking = new AbortController();

function images(): readonly string[] {
  try {
    return texts(JSON.parse(kept(KEY) ?? "[]")).slice(0, MAX_IMAGES);
  } catch {
    return [];
  }
}

function setImages(names: readonly string[]): void {
  keep(KEY, JSON.stringify(names));
  showCount();
}

export function basketHas(image: string): boolean {
  return images().includes(image);
}

export function putIntoBasket(image: string): void {
  setImages([...images().filter((each) => each !== image), image].slice(-MAX_IMAGES));
}

export function startBasket(): void {
  startSheet(byId("basket", HTMLDialogElement), () => asking.abort());
  byId("open-basket", HTMLButtonElement).addEventListener("click", () => {
    showBasket();
    openSheet(byId("basket", HTMLDialogElement));
  });
  onLanguage(showCount);
}

function showCount(): void {
  const count = byId("basket-count", HTMLSpanElement);
  const { length } = images();
  count.textContent = String(length);
  count.classList.toggle("some", length > 0);
  byId("open-basket", HTMLButtonElement).setAttribute("aria-label", t().basketCount(length));
}

function showBasket(): void {
  const sheet = byId("basket", HTMLDialogElement);
  const names = images();
  if (names.length === 0) {
    fillSheet(
      sheet,
      t().basketTitle,
      [],
      h("div", { class: "sheet-body" }, h("p", { class: "empty" }, t().basketEmpty)),
    );
    return;
  }
  const rows = names.map((name) => {
    const remove = button(
      { class: "icon-button", "aria-label": t().remove(name), title: t().remove(name) },
      () => {
        setImages(names.filter((each) => each !== name));
        showBasket();
        sheet.querySelector("h2")?.focus();
      },
      icon("remove"),
    );
    return h("li", {}, h("span", { class: "name" }, name), remove);
  });
  const platforms = h("select", {});
  const formats = h("select", {});
  const result = h("div", { class: "image", "aria-live": "polite" });
  fillPlatforms(platforms, platform());
  fillFormats(formats);
  platforms.addEventListener("change", () => {
    choosePlatform(platforms.value);
    void showSize(result, names);
  });
  formats.addEventListener("change", () => {
    chooseFormat(formats.value);
    void showSize(result, names);
  });
  const body = h(
    "div",
    { class: "sheet-body" },
    h("p", { class: "dim" }, t().basketLead, " ", t().basketPrivate),
    h("ul", { class: "rows" }, ...rows),
    h(
      "div",
      { class: "pair" },
      h("label", { class: "field" }, h("span", {}, t().platform), platforms),
      h("label", { class: "field" }, h("span", {}, t().format), formats),
    ),
    result,
  );
  fillSheet(sheet, t().basketTitle, [], body);
  void showSize(result, names);
}

async function showSize(result: HTMLElement, names: readonly string[]): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const request: DownloadRequest = { images: names, platform: platform(), format: format() };
  fill(result, h("p", { class: "dim" }, t().checking));
  try {
    const bytes = await sizeOf(downloadPath(request), signal);
    if (signal.aborted) return;
    const size = bytes === undefined ? t().sizeUnknown : bytesText(bytes, locale());
    const exact = bytes === undefined ? null : h("small", {}, t().exactly(numberText(bytes, locale())));
    fill(
      result,
      h("dl", { class: "facts" }, h("div", {}, h("dt", {}, t().size), h("dd", {}, size, exact))),
      h("div", { class: "actions" }, downloadLink({ request, bytes })),
      copyLine(commandLines(request, location.origin).fetch),
    );
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    fill(result, errorNotice(error, { platform: request.platform, onRetry: () => void showSize(result, names) }));
  }
}
