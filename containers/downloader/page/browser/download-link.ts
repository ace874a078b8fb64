/** The button that downloads: a real link, whose archive the browser itself takes and can resume. */
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { t } from "./language.ts";
import { remember } from "./history.ts";
import { downloadPath, type DownloadRequest } from "./requests.ts";
import { beginTransfer } from "./transfers.ts";

export interface Known {
  readonly request: DownloadRequest;
  /** Of the archive, where it was asked before. */
  readonly bytes: number | undefined;
}

/** `known` is asked at the moment of the press. */
export function downloadLink(known: Known): HTMLAnchorElement {
  const link = h("a", { class: "button primary", download: true, href: downloadPath(known.request) });
  link.append(icon("download"), t().download);
  link.addEventListener("click", () => {
    // Each press is a download of its own, with events of its own.
    link.href = downloadPath(known.request, begin(known));
  });
  return link;
}

/** For what is known to be there, without a further press. */
export function followLink(known: Known): void {
  const link = h("a", { download: true, href: downloadPath(known.request, begin(known)) });
  document.body.append(link);
  link.click();
  link.remove();
}

function begin({ request, bytes }: Known): string {
  remember({ ...request, at: Date.now(), bytes, isPrivate: false });
  return beginTransfer(request, bytes);
}

export interface SignIn {
  readonly user: string;
  readonly password: string;
}

/** With a user and a password, in the body of a form: never in an address. Its target is a frame that shows nothing. */
export function submitDownload({ request, bytes }: Known, { user, password }: SignIn): void {
  remember({ ...request, at: Date.now(), bytes, isPrivate: true });
  const id = beginTransfer(request, bytes, user);
  const fields: readonly (readonly [string, string])[] = [
    ...request.images.map((image) => ["image", image] as const),
    ["platform", request.platform],
    ["format", request.format],
    ["id", id],
    ["username", user],
    ["password", password],
  ];
  const form = h(
    "form",
    { method: "post", action: "/api/download", target: "private-download", hidden: true },
    ...fields.map(([name, value]) => h("input", { type: "hidden", name, value })),
  );
  document.body.append(form);
  form.submit();
  form.remove();
}
