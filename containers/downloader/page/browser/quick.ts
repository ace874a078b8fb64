/** The quick download: an exact reference, asked whether it is there before the browser takes it. */
import { ApiError, isAbort, sizeOf } from "./api.ts";
import { openDetails } from "./details/sheet.ts";
import { button, byId, fill, h } from "./dom.ts";
import { followLink } from "./download-link.ts";
import { errorNotice, titleOf } from "./errors.ts";
import { bytesText } from "./format.ts";
import { locale, onLanguage, t } from "./language.ts";
import { downloadPath, type DownloadRequest } from "./requests.ts";
import { choosePlatform, fillPlatforms, format, platform } from "./settings.ts";

let asking = new AbortController();

export function startQuick(): void {
  const reference = byId("quick-reference", HTMLInputElement);
  byId("quick", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const image = reference.value.trim();
    if (image === "") reference.focus();
    else void download(image);
  });
  reference.addEventListener("input", () => {
    reference.removeAttribute("aria-invalid");
  });
  onLanguage(() => fill(byId("quick-message", HTMLDivElement)));
}

async function download(image: string): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const message = byId("quick-message", HTMLDivElement);
  const reference = byId("quick-reference", HTMLInputElement);
  const request: DownloadRequest = { images: [image], platform: platform(), format: format() };
  fill(message, h("p", { class: "dim" }, t().checking));
  try {
    const bytes = await sizeOf(downloadPath(request), signal);
    if (signal.aborted) return;
    const size = bytes === undefined ? t().sizeUnknown : bytesText(bytes, locale());
    fill(message, h("p", { class: "dim" }, `${t().announceStart(image)}: ${size}`));
    followLink({ request, bytes });
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    reference.setAttribute("aria-invalid", "true");
    fill(message, failure(error, request));
    // The form is the last on the page: what is below it may be below the window.
    message.scrollIntoView({ block: "nearest" });
  }
}

function failure(error: unknown, request: DownloadRequest): HTMLElement {
  const [image = ""] = request.images;
  if (error instanceof ApiError && error.status === 401) {
    const open = button({}, () => openDetails(image), t().signInButton);
    return h("div", { class: "notice bad" }, h("strong", {}, titleOf(error)), h("div", { class: "chips" }, open));
  }
  return errorNotice(error, {
    platform: request.platform,
    onPlatform: (name) => {
      choosePlatform(name);
      fillPlatforms(byId("quick-platform", HTMLSelectElement), name);
      void download(image);
    },
    onRetry: () => void download(image),
  });
}
