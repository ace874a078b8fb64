/**
 * The page as files that the server sends. In the bundle of an image they are a constant, as what builds them is not
 * there; started from its sources, the server builds them itself.
 */
import { createHash } from "node:crypto";
import type { PageFile } from "./build.ts";

export interface PageAsset {
  /** As in a request: `/`, or `/assets/…` with a hash of the content in it. */
  readonly path: string;
  readonly type: string;
  readonly bytes: Buffer;
  /** Strong, and quoted as in the header. */
  readonly etag: string;
  readonly cacheControl: string;
}

/**
 * For every file of the page. Its own scripts and styles, and requests to where it came from: nothing else, so what a
 * registry says of an image can do nothing even where it were to become markup. The frame is the hidden one that a
 * form with a password is sent to.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** Put there by `dev/launcher/workload-bundles.ts`. */
declare const PAGE_FILES: readonly PageFile[] | undefined;

export async function pageAssets(): Promise<readonly PageAsset[]> {
  const files = typeof PAGE_FILES === "undefined" ? await built() : PAGE_FILES;
  return files.map(({ path, type, text }) => {
    const bytes = Buffer.from(text);
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    const cacheControl = path === "/" ? "no-cache" : "public, max-age=31536000, immutable";
    return { path, type, bytes, etag, cacheControl };
  });
}

async function built(): Promise<readonly PageFile[]> {
  // Not a literal: a bundler would look for esbuild's own files.
  const module = "./build.ts";
  const { buildPage } = (await import(module)) as typeof import("./build.ts");
  return await buildPage();
}
