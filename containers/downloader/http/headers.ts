/** Headers of every answer: who may read it, and what a browser may do with it. */
import type { IncomingMessage, ServerResponse } from "node:http";

const ALLOWED_ORIGIN = "access-control-allow-origin";

const EXPOSED = [
  "content-disposition",
  "content-length",
  "content-range",
  "accept-ranges",
  "etag",
  "retry-after",
  "ratelimit-limit",
  "ratelimit-policy",
  "ratelimit-remaining",
  "ratelimit-reset",
].join(", ");

/** Of answers that are no page. A frame of the page itself takes downloads, and shows what was refused. */
const API_POLICY = "default-src 'none'; frame-ancestors 'self'";

/** The API has no cookies and no session: where it has what anybody may have, any page may ask it. */
export function setCommonHeaders(response: ServerResponse, isCrossOrigin: boolean): void {
  if (isCrossOrigin) {
    response.setHeader(ALLOWED_ORIGIN, "*");
    response.setHeader("access-control-expose-headers", EXPOSED);
  }
  response.setHeader("cross-origin-resource-policy", isCrossOrigin ? "cross-origin" : "same-origin");
  response.setHeader("content-security-policy", API_POLICY);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cache-control", "no-store");
}

/** The page is for its own origin. */
export function setPageHeaders(response: ServerResponse, policy: string): void {
  response.removeHeader(ALLOWED_ORIGIN);
  response.removeHeader("access-control-expose-headers");
  response.setHeader("content-security-policy", policy);
  response.setHeader("cross-origin-opener-policy", "same-origin");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("permissions-policy", "camera=(), geolocation=(), microphone=()");
  response.setHeader("x-frame-options", "DENY");
}

export function answerPreflight(request: IncomingMessage, response: ServerResponse, methods: string): void {
  response.removeHeader("cache-control");
  response.writeHead(204, {
    allow: methods,
    ...(request.headers["access-control-request-method"] === undefined || !response.hasHeader(ALLOWED_ORIGIN)
      ? {}
      : {
          "access-control-allow-methods": methods,
          "access-control-allow-headers": "authorization, content-type, range, if-range, if-none-match",
          "access-control-max-age": "86400",
        }),
  });
  response.end();
}
