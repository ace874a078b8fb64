/**
 * `/openapi.json` and `/docs`, the page that renders it. The document is part of the Worker, so that it is always that
 * of the code that answers; the page's files are static assets, which are no part of the bundle. Neither takes a token:
 * they tell nothing about any account.
 */
import { GantryError } from "../../errors.ts";

/** Nothing from elsewhere; inline styles, since the renderer sets them. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export async function openApiJson(): Promise<Response> {
  // Only when it is asked for: it is larger than the rest of the Worker.
  const { default: document } = await import("../../../openapi.json");
  return Response.json(document, { headers: { "cache-control": "no-cache", "access-control-allow-origin": "*" } });
}

export async function docsPage(env: Env, file = "index.html"): Promise<Response> {
  // Configurations of tests have no assets.
  const assets = (env as Partial<Pick<Env, "ASSETS">>).ASSETS;
  const name = /^[\w.-]+$/.test(file) ? file : "";
  const answer = name === "" ? undefined : await assets?.fetch(new URL(`/docs/${name}`, "http://assets.invalid"));
  if (answer === undefined || answer.status === 404) {
    const message = `there is no page file ${file.slice(0, 100)}: npm ci sets the page up, and it needs the binding ASSETS`;
    throw new GantryError("ROUTE_NOT_FOUND", message);
  }
  const page = new Response(answer.body, answer);
  page.headers.set("content-security-policy", POLICY);
  return page;
}
