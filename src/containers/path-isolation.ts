/**
 * Applications under `/a/<app>/` share an origin with the control plane. Their documents get an opaque origin without
 * scripts, nothing that they say takes hold of the whole origin, and no page of the control plane can load anything of
 * theirs as its own code, should somebody make it try.
 */
import { GantryError } from "../errors.ts";

/** About the origin or the host, and not about the answer alone. */
const ABOUT_THE_ORIGIN = [
  "set-cookie",
  "clear-site-data",
  "strict-transport-security",
  "alt-svc",
  "nel",
  "report-to",
  "reporting-endpoints",
  "accept-ch",
  "critical-ch",
  "service-worker-allowed",
  "set-login",
  "sec-session-registration",
  "secure-session-registration",
] as const;

export function isolate(response: Response): Response {
  const { status, headers, webSocket } = response;
  const isolated = webSocket
    ? new Response(null, { status, headers, webSocket })
    : new Response(response.body, response);
  for (const name of ABOUT_THE_ORIGIN) isolated.headers.delete(name);
  isolated.headers.set("content-security-policy", "sandbox");
  isolated.headers.set("x-content-type-options", "nosniff");
  return isolated;
}

/** What a browser fetches to run, or to build a page with. */
const CODE: ReadonlySet<string> = new Set([
  "script",
  "style",
  "worker",
  "sharedworker",
  "serviceworker",
  "audioworklet",
  "paintworklet",
  "xslt",
  "manifest",
  "object",
  "embed",
]);

/** Browsers say what they are going to do with an answer, and for whom; programs say nothing of it. */
export function refuseAsCode({ headers }: Request): void {
  const isOwnPage = headers.get("sec-fetch-site") === "same-origin";
  const purpose = headers.get("sec-fetch-dest") ?? "";
  if (!headers.has("service-worker") && !(isOwnPage && CODE.has(purpose))) return;
  const message = "under /a/ an application answers programs: no page of the control plane takes code from it";
  throw new GantryError("FORBIDDEN", message, { "sec-fetch-dest": purpose });
}
