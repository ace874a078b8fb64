/** Images as cards of a grid. A card's name is a button that opens the image's details. */
import { openDetails } from "./details/sheet.ts";
import { button, h } from "./dom.ts";
import { compactText } from "./format.ts";
import { locale, t } from "./language.ts";
import { badges, type Listed } from "./listed.ts";

export function grid(images: readonly Listed[]): HTMLElement {
  return h("ul", { class: "grid" }, ...images.map(card));
}

export function skeletons(count: number): HTMLElement {
  const cards = Array.from({ length: count }, () => h("div", { class: "skeleton" }));
  const list = h("div", { class: "grid", "aria-hidden": "true" }, ...cards);
  return h("div", {}, h("p", { class: "unseen" }, t().loading), list);
}

function card(listed: Listed): HTMLElement {
  const { image, name, description, stars, pulls, isOfficial, registry, isOwn } = listed;
  const open = button({ class: "card-name", "aria-haspopup": "dialog" }, () => openDetails(image, listed), name);
  const figures = [
    pulls === undefined || pulls === 0 ? undefined : t().pulls(compactText(pulls, locale())),
    stars === undefined || stars === 0 ? undefined : t().stars(compactText(stars, locale())),
  ].filter((figure) => figure !== undefined);
  return h(
    "li",
    { class: "card" },
    open,
    description === undefined ? null : h("p", { class: "card-text" }, description),
    h("div", { class: "card-foot" }, ...badges(registry, isOwn, isOfficial)),
    figures.length === 0 ? null : h("p", { class: "card-figures" }, figures.join(" · ")),
  );
}
