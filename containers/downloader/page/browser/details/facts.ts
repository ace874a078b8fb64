/** The figures of an image: how large its archive will be, how many layers, when it was built, which it is exactly. */
import { h } from "../dom.ts";
import { bytesText, compactText, dateText, numberText } from "../format.ts";
import { locale, t } from "../language.ts";
import type { Listed } from "../listed.ts";
import type { ImageDetails } from "./answer.ts";

export function figures(listed: Listed | undefined): HTMLElement[] {
  const texts = [
    listed?.pulls === undefined ? undefined : t().pulls(compactText(listed.pulls, locale())),
    listed?.stars === undefined || listed.stars === 0 ? undefined : t().stars(compactText(listed.stars, locale())),
  ];
  return texts.flatMap((text) => (text === undefined ? [] : h("span", { class: "dim" }, text)));
}

export function factsView({ layers, created, digest }: ImageDetails, bytes: number | undefined): HTMLElement {
  const built = created === undefined ? undefined : dateText(created, locale());
  const size =
    bytes === undefined
      ? fact(t().size, t().sizeUnknown)
      : fact(t().size, bytesText(bytes, locale()), t().exactly(numberText(bytes, locale())));
  const list = h("dl", { class: "facts" }, size, fact(t().layersTotal, numberText(layers.length, locale())));
  if (built !== undefined) list.append(fact(t().created, built));
  if (digest !== undefined) {
    list.append(h("div", { class: "long" }, h("dt", {}, t().digest), h("dd", { class: "mono" }, digest)));
  }
  return list;
}

function fact(name: string, value: string, detail?: string): HTMLElement {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value, detail === undefined ? null : h("small", {}, detail)));
}
