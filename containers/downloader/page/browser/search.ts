/** The search: on the Hub and in the registries of this installation, these first. */
import { isAbort, post } from "./api.ts";
import { grid, skeletons } from "./cards.ts";
import { announce, byId, fill, h } from "./dom.ts";
import { errorNotice } from "./errors.ts";
import { onLanguage, t } from "./language.ts";
import { readListed, type Listed } from "./listed.ts";
import { asRecord, texts } from "./shapes.ts";

const LIMIT = 30;

interface Found {
  readonly query: string;
  readonly images: readonly Listed[];
  /** Registries that could not be asked. */
  readonly unreachable: readonly string[];
}

let asking = new AbortController();
let found: Found | undefined;

export function startSearch(): void {
  const query = byId("query", HTMLInputElement);
  byId("search", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = query.value.trim();
    if (text === "") query.focus();
    else void search(text);
  });
  byId("clear-results", HTMLButtonElement).addEventListener("click", () => {
    asking.abort();
    found = undefined;
    query.value = "";
    byId("results", HTMLElement).hidden = true;
    query.focus();
  });
  onLanguage(() => {
    if (found !== undefined) show(found);
  });
}

async function search(query: string): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const body = byId("results-body", HTMLDivElement);
  byId("results", HTMLElement).hidden = false;
  byId("results-title", HTMLHeadingElement).textContent = t().results;
  announce(t().searching);
  fill(body, skeletons(3));
  try {
    const answer = asRecord(await post("/api/search", { query, limit: LIMIT }, signal));
    if (signal.aborted) return;
    found = { query, images: readListed(answer["results"]), unreachable: texts(answer["unreachable"]) };
    show(found);
    announce(t().found(found.images.length, query));
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    found = undefined;
    fill(body, errorNotice(error, { onRetry: () => void search(query) }));
  }
}

function show({ query, images, unreachable }: Found): void {
  const title = byId("results-title", HTMLHeadingElement);
  title.textContent = t().found(images.length, query);
  const missing = unreachable.map((name) => `${name}: ${t().notInReach}`).join(" · ");
  fill(
    byId("results-body", HTMLDivElement),
    missing === "" ? null : h("p", { class: "dim missing" }, missing),
    images.length === 0 ? h("p", { class: "empty" }, t().tryExact) : grid(images),
  );
}
