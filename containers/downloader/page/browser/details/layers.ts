/** The layers of an image, and what made each, as its history says. */
import { h } from "../dom.ts";
import { bytesText } from "../format.ts";
import { locale, t } from "../language.ts";
import type { Layer } from "./answer.ts";

export function layersView(layers: readonly Layer[]): HTMLElement {
  const largest = Math.max(1, ...layers.map(({ size }) => size));
  const rows = layers.map(({ size, command, digest }, index) => {
    const bar = h("span", { class: "share", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${Math.round((size / largest) * 100)}%`);
    return h(
      "tr",
      {},
      h("td", {}, String(index + 1)),
      h("td", {}, bytesText(size, locale()), bar),
      h("td", {}, h("code", { title: digest }, command ?? t().noCommand)),
    );
  });
  const head = ["#", t().layerSize, t().command].map((text) => h("th", { scope: "col" }, text));
  const table = h(
    "table",
    { class: "layers" },
    h("caption", { class: "unseen" }, t().layersCaption),
    h("thead", {}, h("tr", {}, ...head)),
    h("tbody", {}, ...rows),
  );
  return fold(t().layers(layers.length), table);
}

export function fold(summary: string, ...content: readonly (Node | null)[]): HTMLDetailsElement {
  return h("details", { class: "fold" }, h("summary", {}, summary), h("div", { class: "fold-body" }, ...content));
}
