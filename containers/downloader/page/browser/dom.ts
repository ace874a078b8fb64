/**
 * Makes elements. Text becomes text nodes and nothing else, so markup in what a registry says is shown, never run; the
 * page's policy forbids the ways around this as well (trusted types).
 */
type Child = Node | string | null | undefined | false;

type Properties = {
  readonly [name in Attribute | "class" | `aria-${string}` | `data-${string}`]?: string | number | boolean | undefined;
};

type Attribute =
  | "id"
  | "type"
  | "name"
  | "value"
  | "href"
  | "download"
  | "for"
  | "title"
  | "role"
  | "tabindex"
  | "placeholder"
  | "maxlength"
  | "autocomplete"
  | "spellcheck"
  | "autocapitalize"
  | "disabled"
  | "required"
  | "hidden"
  | "open"
  | "max"
  | "method"
  | "action"
  | "target"
  | "rel"
  | "lang"
  | "scope"
  | "dir"
  | "checked"
  | "autofocus";

export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

export function add(parent: Node, ...children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
}

/** In place of all that is there. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  add(parent, ...children);
}

export function button(
  properties: Properties,
  onClick: (event: MouseEvent) => void,
  ...children: readonly Child[]
): HTMLButtonElement {
  const element = h("button", { type: "button", ...properties }, ...children);
  element.addEventListener("click", onClick);
  return element;
}

export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the document has no ${kind.name} #${id}`);
  return element;
}

/** For those who listen to the page. Emptied first: the same sentence twice is news twice. */
export function announce(text: string): void {
  const live = byId("live", HTMLDivElement);
  live.textContent = "";
  requestAnimationFrame(() => {
    live.textContent = text;
  });
}
