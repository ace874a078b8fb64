/** Which of the three languages is shown, and the texts of the document that are in it. */
import { en, type Messages } from "./messages/en.ts";
import { pt } from "./messages/pt.ts";
import { zh } from "./messages/zh.ts";
import { keep, kept } from "./storage.ts";

export const LANGUAGES = { en: "English", pt: "Português", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

const MESSAGES: Record<Language, Messages> = { en, pt, zh };
/** What `lang` is set to, and what numbers and times are written by. */
const TAGS: Record<Language, string> = { en: "en", pt: "pt-BR", zh: "zh-CN" };
const KEY = "language";

let current: Language = "en";
const listeners = new Set<() => void>();

function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && Object.hasOwn(LANGUAGES, value);
}

/** The first that the visitor reads, of those that there are. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [base] = tag.toLowerCase().split("-");
    if (isLanguage(base)) return base;
  }
  return "en";
}

export function t(): Messages {
  return MESSAGES[current];
}

export function locale(): string {
  return TAGS[current];
}

export function language(): Language {
  return current;
}

/** Called again at each change, for what was made in another language. */
export function onLanguage(listener: () => void): void {
  listeners.add(listener);
}

export function startLanguage(): void {
  const chosen = kept(KEY);
  show(isLanguage(chosen) ? chosen : preferred(navigator.languages));
}

export function chooseLanguage(value: string): void {
  if (!isLanguage(value)) return;
  keep(KEY, value);
  show(value);
}

function show(value: Language): void {
  current = value;
  document.documentElement.lang = TAGS[value];
  document.title = `${t().title} · Gantry`;
  translate(document);
  for (const listener of listeners) listener();
}

/** `data-t`: the text of an element; `data-t-<attribute>`: one that is read or seen. Only names of plain texts fit. */
export function translate(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-t]"))
    element.textContent = text(element.dataset["t"]);
  for (const [data, attribute] of ATTRIBUTES) {
    for (const element of root.querySelectorAll(`[${data}]`)) {
      element.setAttribute(attribute, text(element.getAttribute(data) ?? undefined));
    }
  }
}

const ATTRIBUTES = [
  ["data-t-label", "aria-label"],
  ["data-t-placeholder", "placeholder"],
  ["data-t-title", "title"],
] as const;

function text(name: string | undefined): string {
  const found: unknown = name === undefined ? undefined : Reflect.get(t(), name);
  if (typeof found !== "string") throw new Error(`no text named ${name}`);
  return found;
}
