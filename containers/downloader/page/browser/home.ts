/** What a visitor finds without asking: which registries are in reach, what is in those of this installation, what is popular. */
import { ApiError, get } from "./api.ts";
import { grid, skeletons } from "./cards.ts";
import { button, byId, fill, h } from "./dom.ts";
import { errorNotice } from "./errors.ts";
import { locale, onLanguage, t } from "./language.ts";
import { readListed, type Listed } from "./listed.ts";
import { asList, asRecord, asText, texts } from "./shapes.ts";

export interface Registry {
  readonly host: string;
  readonly title: string;
  readonly isReachable: boolean;
  readonly isOwn: boolean;
  readonly images: readonly Listed[];
}

interface Home {
  registries: readonly Registry[] | undefined;
  popular: readonly Listed[] | undefined;
  popularError: unknown;
}

const home: Home = { registries: undefined, popular: undefined, popularError: undefined };

export function startHome(): void {
  onLanguage(() => {
    showRegistries();
    showPopular();
  });
  void loadRegistries();
  void loadPopular();
}

async function loadRegistries(): Promise<void> {
  try {
    home.registries = readRegistries(await get("/api/registries"));
  } catch {
    // What is popular says in words that nothing can be reached.
    home.registries = [];
  }
  showRegistries();
  showPopular();
}

async function loadPopular(): Promise<void> {
  home.popular = undefined;
  home.popularError = undefined;
  showPopular();
  try {
    const answer = asRecord(await get("/api/popular"));
    const found = readListed(answer["results"]);
    home.popular = found;
  } catch (error) {
    home.popularError = error;
    home.popular = [];
  }
  showPopular();
}

export function readRegistries(value: unknown): readonly Registry[] {
  return asList(asRecord(value)["registries"]).flatMap((one) => {
    const registry = asRecord(one);
    const host = asText(registry["host"]);
    if (host === undefined) return [];
    const title = asText(registry["title"]) ?? host;
    const names = texts(registry["repositories"]).map((name) => ({
      name: name.startsWith(`${host}/`) ? name : `${host}/${name}`,
      registry: host,
      registry_title: title,
    }));
    const isOwn = host !== "docker.io";
    return { host, title, isReachable: registry["reachable"] === true, isOwn, images: readListed(names) };
  });
}

function showRegistries(): void {
  const { registries } = home;
  const own = byId("own", HTMLDivElement);
  if (registries === undefined) {
    fill(own, skeletons(3));
    return;
  }
  fill(byId("registries", HTMLUListElement), ...registries.map(status));
  fill(own, ...registries.filter(({ isOwn, isReachable }) => isOwn && isReachable).map(ownSection));
  own.hidden = own.childElementCount === 0;
}

function status({ title, isReachable }: Registry): HTMLElement {
  const dot = h("span", { class: isReachable ? "dot" : "dot away", "aria-hidden": "true" });
  return h("li", {}, dot, h("span", {}, title, ": ", isReachable ? t().inReach : t().notInReach));
}

function ownSection({ title, host, images }: Registry): HTMLElement {
  const id = `own-${host.replaceAll(/\W/g, "-")}`;
  const head = h(
    "div",
    { class: "section-head" },
    h("div", {}, h("h2", { id }, t().ownTitle(title)), h("p", { class: "dim" }, t().ownLead)),
  );
  const content = images.length === 0 ? h("p", { class: "empty" }, t().ownEmpty) : grid(images);
  return h("section", { class: "own-registry", "aria-labelledby": id }, head, content);
}

function showPopular(): void {
  const body = byId("popular-body", HTMLDivElement);
  const { popular, popularError, registries } = home;
  const away = byId("away", HTMLDivElement);
  const isAway = popular?.length === 0;
  // Where the Hub is away its list has nothing to show: what is there instead is said above, where it is read first.
  byId("popular", HTMLElement).hidden = isAway;
  away.hidden = !isAway || registries === undefined;
  // What else has failed has a notice of its own.
  away.className = isHubAway(popularError) ? "notice" : "";
  if (popular === undefined) fill(body, skeletons(6));
  else if (!isAway) fill(body, grid(popular));
  else fill(away, ...awayText(popularError, registries ?? []));
}

function isHubAway(error: unknown): boolean {
  return error === undefined || (error instanceof ApiError && error.code === "HUB_UNREACHABLE");
}

function awayText(error: unknown, registries: readonly Registry[]): Node[] {
  if (!isHubAway(error)) return [errorNotice(error, { onRetry: () => void reload() })];
  const retry = h(
    "div",
    { class: "chips" },
    button({}, () => void reload(), t().retry),
  );
  const titles = registries.filter(({ isReachable }) => isReachable).map(({ title }) => title);
  const help =
    titles.length === 0
      ? t().nothingInReach
      : t().hubAwayHelp(new Intl.ListFormat(locale(), { type: "unit" }).format(titles));
  return [h("strong", {}, t().hubAway), h("p", {}, help), retry];
}

async function reload(): Promise<void> {
  await Promise.all([loadRegistries(), loadPopular()]);
}
