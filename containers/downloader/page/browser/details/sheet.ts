/**
 * The details of an image: its tags, its platforms, how large its archive is, its layers, and the button that downloads
 * it. Whatever is chosen, what is shown is asked anew; an answer to an older choice is thrown away.
 */
import { ApiError, get, isAbort, partlyFailed, post, sizeOf } from "../api.ts";
import { basketHas, putIntoBasket } from "../basket.ts";
import { commandLines } from "../command-lines.ts";
import { copyLine } from "../copy.ts";
import { announce, button, byId, fill, h } from "../dom.ts";
import { downloadLink, submitDownload } from "../download-link.ts";
import { errorNotice } from "../errors.ts";
import { icon } from "../icons.ts";
import { t } from "../language.ts";
import { badges, type Listed } from "../listed.ts";
import { downloadPath, isFormat, registryOf, repositoryOf, tagOf, withTag, type DownloadRequest } from "../requests.ts";
import {
  chooseFormat,
  choosePlatform,
  fillFormats,
  fillPlatforms,
  format,
  isPlatformChosen,
  platform,
} from "../settings.ts";
import { asNumber, asRecord } from "../shapes.ts";
import { fillSheet, openSheet } from "../sheets.ts";
import { readDetails, readTags, type ImageDetails } from "./answer.ts";
import { factsView, figures } from "./facts.ts";
import { fold, layersView } from "./layers.ts";
import { signInForm, type SignInForm } from "./sign-in.ts";
import { tagPicker, type TagPicker } from "./tags.ts";

/** One opening of the sheet. */
class Details {
  readonly #image: string;
  readonly #platforms = h("select", {});
  readonly #formats = h("select", {});
  readonly #formatHint = h("p", { class: "dim", id: "format-hint" });
  readonly #description = h("p", { class: "description", hidden: true });
  readonly #facts = h("div", { "aria-live": "polite" });
  readonly #actions = h("div", { class: "actions" });
  readonly #more = h("div", {});
  readonly #tags: TagPicker;
  readonly #signIn: SignInForm;
  #tag: string | undefined;
  #asking = new AbortController();

  constructor(image: string, listed: Listed | undefined) {
    this.#image = image;
    this.#tag = tagOf(image);
    this.#describe(listed?.description);
    this.#tags = tagPicker({
      named: this.#tag,
      ask: async (page) => readTags(await this.#askTags(page)),
      onChoose: (tag) => {
        this.#tag = tag;
        void this.#show();
      },
    });
    this.#signIn = signInForm(registryName(image, listed), () => void this.#start());
    fillPlatforms(this.#platforms, platform());
    fillFormats(this.#formats);
    this.#formats.setAttribute("aria-describedby", "format-hint");
    this.#hintFormat();
    this.#platforms.addEventListener("change", () => this.#choosePlatform(this.#platforms.value));
    this.#formats.addEventListener("change", () => {
      chooseFormat(this.#formats.value);
      this.#hintFormat();
      void this.#show();
    });
  }

  open(sheet: HTMLDialogElement, listed: Listed | undefined): void {
    const head = [
      ...badges(registryName(this.#image, listed), listed?.isOwn ?? false, listed?.isOfficial ?? false),
      ...figures(listed),
    ];
    const choice = h(
      "div",
      { class: "pair" },
      h("label", { class: "field" }, h("span", {}, t().platform), this.#platforms),
      h("label", { class: "field" }, h("span", {}, t().format), this.#formats),
    );
    const image = h(
      "div",
      { class: "image" },
      choice,
      this.#formatHint,
      this.#facts,
      this.#actions,
      h("div", {}, this.#more, this.#signIn.element),
    );
    const body = h("div", { class: "sheet-body details-body" }, this.#description, this.#tags.element, image);
    fillSheet(sheet, repositoryOf(this.#image), head, body);
    openSheet(sheet);
    void this.#start();
  }

  close(): void {
    this.#asking.abort();
  }

  async #start(): Promise<void> {
    this.#wait();
    // A tag that is named needs no list to be shown.
    if (this.#tag !== undefined) void this.#show();
    await this.#tags.load();
  }

  #request(): DownloadRequest {
    const chosen = this.#formats.value;
    return {
      images: [withTag(this.#image, this.#tag ?? "latest")],
      platform: this.#platforms.value,
      format: isFormat(chosen) ? chosen : format(),
    };
  }

  #credentials(): { username?: string; password?: string } {
    const { current } = this.#signIn;
    return current === undefined ? {} : { username: current.user, password: current.password };
  }

  async #askTags(page: number): Promise<unknown> {
    const image = repositoryOf(this.#image);
    if (this.#signIn.current !== undefined) return await post("/api/tags", { image, page, ...this.#credentials() });
    return await get(`/api/tags?${new URLSearchParams({ image, page: String(page) }).toString()}`);
  }

  async #show(): Promise<void> {
    this.#asking.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const { signal } = asking;
    this.#wait();
    const request = this.#request();
    const [image = ""] = request.images;
    try {
      const isPrivate = this.#signIn.current !== undefined;
      const [answer, bytes] = await Promise.all([
        post(
          "/api/image-details",
          { image, platform: request.platform, format: request.format, ...this.#credentials() },
          signal,
        ),
        isPrivate ? undefined : sizeOf(downloadPath(request), signal),
      ]);
      const failure = partlyFailed(answer, "image_error");
      if (failure !== undefined) throw failure;
      if (!signal.aborted)
        this.#showFound(request, readDetails(answer), bytes ?? asNumber(asRecord(answer)["archive_size"]));
    } catch (error) {
      if (!isAbort(error) && !signal.aborted) this.#showFailure(error, request.platform);
    }
  }

  #wait(): void {
    fill(this.#facts, h("p", { class: "dim" }, t().checking));
    fill(this.#actions);
    fill(this.#more);
  }

  #showFound(request: DownloadRequest, details: ImageDetails, bytes: number | undefined): void {
    if (details.description !== undefined) this.#describe(details.description);
    if (details.platforms.length > 0) fillPlatforms(this.#platforms, request.platform, details.platforms);
    fill(this.#facts, factsView(details, bytes));
    const known = { request, bytes };
    const { current } = this.#signIn;
    const download =
      current === undefined
        ? downloadLink(known)
        : button({ class: "primary" }, () => submitDownload(known, current), icon("download"), t().download);
    fill(this.#actions, download, current === undefined ? basketButton(request) : null);
    const lines = commandLines(request, location.origin, current?.user);
    fill(
      this.#more,
      details.layers.length === 0 ? null : layersView(details.layers),
      fold(
        t().commands,
        copyLine(lines.fetch),
        h("p", { class: "dim" }, t().resumeHint),
        h("p", { class: "dim" }, t().loadHint),
        ...lines.load.map(copyLine),
      ),
    );
  }

  #showFailure(error: unknown, wanted: string): void {
    const [only, ...others] = error instanceof ApiError ? error.platforms : [];
    if (only !== undefined && others.length === 0 && only !== wanted && !isPlatformChosen()) {
      // Nobody has asked for another one.
      fillPlatforms(this.#platforms, only);
      void this.#show();
      return;
    }
    const isSignedIn = this.#signIn.current !== undefined;
    const notice = errorNotice(error, {
      platform: wanted,
      isSignedIn,
      onPlatform: (name) => this.#choosePlatform(name),
      onRetry: () => void this.#show(),
    });
    fill(this.#facts, notice);
    fill(this.#actions);
    fill(this.#more);
    if (!(error instanceof ApiError)) return;
    if (error.platforms.length > 0) fillPlatforms(this.#platforms, wanted, error.platforms);
    if (error.status === 401) this.#signIn.show();
  }

  #choosePlatform(name: string): void {
    choosePlatform(name);
    fillPlatforms(
      this.#platforms,
      name,
      [...this.#platforms.options].map(({ value }) => value),
    );
    void this.#show();
  }

  #hintFormat(): void {
    const chosen = this.#formats.value;
    fill(this.#formatHint, isFormat(chosen) ? t().formatHint[chosen] : null);
  }

  #describe(text: string | undefined): void {
    fill(this.#description, text);
    this.#description.hidden = text === undefined;
  }
}

let opened: Details | undefined;

export function openDetails(image: string, listed?: Listed): void {
  opened?.close();
  opened = new Details(image, listed);
  opened.open(byId("details", HTMLDialogElement), listed);
}

/** What was asked is of no use any more, and a password that was typed is gone. */
export function closeDetails(): void {
  opened?.close();
  opened = undefined;
  fill(byId("details", HTMLDialogElement));
}

function registryName(image: string, listed: Listed | undefined): string {
  if (listed !== undefined) return listed.registry;
  const host = registryOf(image);
  return host === "docker.io" ? "Docker Hub" : host;
}

function basketButton(request: DownloadRequest): HTMLButtonElement {
  const [image = ""] = request.images;
  const put = button({ "aria-disabled": basketHas(image) }, () => {
    if (basketHas(image)) return;
    putIntoBasket(image);
    announce(t().basketAdded(image));
    put.setAttribute("aria-disabled", "true");
    fill(put, icon("check"), t().inArchive);
  });
  if (basketHas(image)) fill(put, icon("check"), t().inArchive);
  else fill(put, icon("plus"), t().addToArchive);
  return put;
}
