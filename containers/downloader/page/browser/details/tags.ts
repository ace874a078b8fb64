/** The tags of a repository: in pages, with a filter. What is typed can be chosen too, as no registry has to list its tags. */
import { isAbort } from "../api.ts";
import { button, fill, h } from "../dom.ts";
import { t } from "../language.ts";
import type { TagPage } from "./answer.ts";

const MAX_SHOWN = 300;
const TAG = /^(\w[\w.-]{0,127}|sha(256|512):[0-9a-f]{64,128})$/;

export interface TagPicker {
  readonly element: HTMLElement;
  /** Anew: somebody has signed in. */
  load(): Promise<void>;
}

export interface TagPickerOptions {
  /** The one that the reference names. */
  readonly named: string | undefined;
  readonly ask: (page: number) => Promise<TagPage>;
  readonly onChoose: (tag: string) => void;
}

export function tagPicker({ named, ask, onChoose }: TagPickerOptions): TagPicker {
  let tags: string[] = [];
  let chosen = named;
  let next: number | undefined;
  let isFailed = false;
  const filter = h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: 200,
    "aria-label": t().filterTags,
    placeholder: t().filterTags,
  });
  const list = h("div", { class: "tag-list" });
  const element = h("fieldset", { class: "tags" }, h("legend", {}, t().tags), filter, list);

  const choose = (tag: string) => {
    chosen = tag;
    onChoose(tag);
  };

  const show = () => {
    const typed = filter.value.trim();
    const fits = tags.filter((tag) => tag.toLowerCase().includes(typed.toLowerCase())).slice(0, MAX_SHOWN);
    const isOther = TAG.test(typed) && !tags.includes(typed);
    const shown = isOther ? [typed, ...fits] : fits;
    if (chosen !== undefined && typed === "" && !shown.includes(chosen)) shown.unshift(chosen);
    const options = shown.map((tag) => option(tag, tag === chosen, () => choose(tag)));
    const none = shown.length > 0 || isFailed ? null : h("p", { class: "dim" }, t().noTags);
    const failed = isFailed ? h("p", { class: "dim" }, t().tagsFailed) : null;
    const more = next === undefined ? null : button({ class: "quiet" }, () => void loadMore(), t().moreTags);
    fill(list, ...options, none, failed, more);
  };

  const loadMore = async () => {
    const isFocusInside = list.contains(document.activeElement);
    const count = list.querySelectorAll("input").length;
    try {
      const page = await ask(next ?? 1);
      ({ next } = page);
      tags = [...new Set([...tags, ...page.tags])];
      isFailed = false;
    } catch (error) {
      if (isAbort(error)) return;
      isFailed = tags.length === 0;
      next = undefined;
    }
    show();
    // The button that was pressed is another one now.
    if (isFocusInside) list.querySelectorAll("input")[count]?.focus();
  };

  filter.addEventListener("input", show);
  filter.addEventListener("keydown", (event) => {
    const [first] = list.querySelectorAll("input");
    if (event.key !== "Enter" || first === undefined) return;
    first.checked = true;
    choose(first.value);
  });

  return {
    element,
    async load() {
      tags = [];
      next = undefined;
      await loadMore();
      if (chosen !== undefined) return;
      choose(tags.includes("latest") || tags[0] === undefined ? "latest" : tags[0]);
      show();
    },
  };
}

function option(tag: string, isChosen: boolean, onChoose: () => void): HTMLElement {
  const radio = h("input", { type: "radio", name: "tag", value: tag, checked: isChosen });
  radio.addEventListener("change", onChoose);
  return h("label", {}, radio, tag);
}
