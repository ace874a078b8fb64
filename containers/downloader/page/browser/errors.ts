/** What a visitor is told of a failure, and what there is to do about it. */
import { ApiError } from "./api.ts";
import { button, h } from "./dom.ts";
import { durationText } from "./format.ts";
import { locale, t } from "./language.ts";

export interface Remedies {
  readonly platform?: string;
  readonly onPlatform?: (platform: string) => void;
  readonly onRetry?: () => void;
  /** A user and a password were sent. */
  readonly isSignedIn?: boolean;
}

export function errorNotice(error: unknown, remedies: Remedies = {}): HTMLElement {
  const title = titleOf(error, remedies);
  const notice = h("div", { class: "notice bad" }, h("strong", {}, title));
  for (const line of linesOf(error)) notice.append(h("p", {}, line));
  const { onPlatform, onRetry } = remedies;
  if (error instanceof ApiError && error.platforms.length > 0 && onPlatform !== undefined) {
    const chips = error.platforms.map((name) => button({}, () => onPlatform(name), name));
    notice.append(h("p", {}, t().errorPlatformHelp), h("div", { class: "chips" }, ...chips));
  } else if (onRetry !== undefined && isWorthRetrying(error)) {
    notice.append(h("div", { class: "chips" }, button({}, onRetry, t().retry)));
  }
  return notice;
}

export function titleOf(error: unknown, { platform = "", isSignedIn = false }: Remedies = {}): string {
  if (!(error instanceof ApiError)) return t().errorOther;
  if (error.platforms.length > 0) return t().errorPlatform(platform);
  switch (error.status) {
    case 0:
      return t().errorNetwork;
    case 400:
      return t().errorInvalid;
    case 401:
      return isSignedIn ? t().errorSignInWrong : t().errorSignIn;
    case 403:
      return t().errorRefused;
    case 404:
      return t().errorNotFound;
    case 429:
      return t().errorLimit;
    case 504:
      return t().errorUnreachable;
    default:
      return error.status >= 500 ? t().errorUpstream : t().errorOther;
  }
}

/** The server's own words are in English: they name what exactly it was. */
function linesOf(error: unknown): string[] {
  if (!(error instanceof ApiError)) return error instanceof Error ? [error.message] : [];
  const lines = [];
  if (error.retryAfter !== undefined) lines.push(t().errorLimitWhen(durationText(error.retryAfter, locale())));
  if (![0, 401, 429].includes(error.status) && error.message !== "" && error.platforms.length === 0) {
    lines.push(error.message);
  }
  return lines;
}

function isWorthRetrying(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}
