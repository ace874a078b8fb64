/** Builds the page: one script, one style sheet, and the document that names them by a hash of their content. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

const folder = import.meta.dirname;

export async function buildPage(): Promise<readonly PageFile[]> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, "browser/page.ts"), join(folder, "styles/page.css")],
    outdir: "/",
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "esm",
    // Browsers since 2024: `<dialog>`, `:has()`, nesting and `light-dark()`.
    target: ["chrome123", "firefox121", "safari17.5"],
    charset: "utf8",
    logLevel: "silent",
  });
  const script = outputFiles.find(({ path }) => path.endsWith(".js"));
  const style = outputFiles.find(({ path }) => path.endsWith(".css"));
  if (script === undefined || style === undefined) throw new Error("esbuild made no script or no style sheet");
  const files: readonly PageFile[] = [
    asset("page.js", "text/javascript; charset=utf-8", script.text),
    asset("page.css", "text/css; charset=utf-8", style.text),
    asset("icon.svg", "image/svg+xml", await readFile(join(folder, "static/icon.svg"), "utf8")),
  ];
  let document = await readFile(join(folder, "static/index.html"), "utf8");
  for (const { path } of files) document = document.replaceAll(`/assets/${path.split("-").at(-1)}`, path);
  return [{ path: "/", type: "text/html; charset=utf-8", text: document }, ...files];
}

function asset(name: string, type: string, text: string): PageFile {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { path: `/assets/${hash}-${name}`, type, text };
}
