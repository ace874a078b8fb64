/** Folders that templates are made of, and that are made of templates. */
import type { Dirent } from "node:fs";
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { problem, ProblemsError } from "../problems.ts";
import type { TemplateFile } from "./artifact.ts";
import { LIMITS } from "./format.ts";

/** Hidden files may hold tokens: of them only these go along. */
const HIDDEN: ReadonlySet<string> = new Set([".dockerignore", ".gitignore", ".env.example", ".dev.vars.example"]);
const LEFT_OUT: ReadonlySet<string> = new Set(["node_modules"]);
/** Part of a template whatever `files` of its package.json says. */
const ALWAYS =
  /^(?:package\.json|application\.json|gantry\.(?:ya?ml|json|config\.m?[jt]s)|Dockerfile|README.*|LICEN[CS]E.*)$/i;

/** `only`: names in the folder, as `files` of a package.json has them; null: all of it. */
export async function readTemplateFiles(folder: string, only: readonly string[] | null): Promise<TemplateFile[]> {
  const chosen = only?.map((name) => name.replace(/^\.\//, "").replace(/\/$/, "")) ?? null;
  const isChosen = (path: string) =>
    chosen === null || ALWAYS.test(path) || chosen.some((name) => path === name || path.startsWith(`${name}/`));
  const files: TemplateFile[] = [];
  let bytes = 0;
  for (const path of await pathsIn(folder, folder)) {
    if (!isChosen(path)) continue;
    const file = await readTemplateFile(folder, path);
    bytes += file.bytes.length;
    files.push(file);
    if (files.length > LIMITS.files || bytes > LIMITS.unpacked) {
      const most = `at most ${LIMITS.files} files of ${LIMITS.unpacked / 2 ** 20} MiB in all`;
      throw new ProblemsError([
        problem(`a template has ${most}: say in package.json which of them with "files": ["…"]`, { field: folder }),
      ]);
    }
  }
  const missing = (chosen ?? []).filter(
    (name) => !files.some(({ path }) => path === name || path.startsWith(`${name}/`)),
  );
  if (missing.length > 0) {
    const text = "is in files of package.json, and is not there; it takes names of files and folders, without patterns";
    throw new ProblemsError(missing.map((name) => problem(text, { field: join(folder, name) })));
  }
  return files;
}

async function pathsIn(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ProblemsError([problem(`cannot be read (${why})`, { field: folder })]);
  });
  const paths = await Promise.all(
    entries.filter(isTaken).map((entry) => pathsOf(root, join(folder, entry.name), entry)),
  );
  return paths.flat();
}

async function pathsOf(root: string, path: string, entry: Dirent): Promise<string[]> {
  if (entry.isDirectory()) return await pathsIn(root, path);
  if (entry.isFile()) return [path.slice(root.length + 1).replaceAll(sep, "/")];
  throw new ProblemsError([problem("is neither a file nor a folder: a template has nothing else", { field: path })]);
}

function isTaken({ name }: Dirent): boolean {
  return !LEFT_OUT.has(name) && (!name.startsWith(".") || HIDDEN.has(name));
}

async function readTemplateFile(folder: string, path: string): Promise<TemplateFile> {
  const [content, { mode }] = await Promise.all([readFile(join(folder, path)), lstat(join(folder, path))]);
  return { path, bytes: new Uint8Array(content), isExecutable: (mode & 0o100) !== 0 };
}

/** Throws for a folder that has something in it, and for what is no folder. One that is not there is made. */
export async function requireEmptyFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT") return [];
    const why = code === "ENOTDIR" ? "is a file" : `cannot be read (${String(code)})`;
    throw new ProblemsError([problem(`${why}: name a folder that is empty, or not there`, { field: folder })]);
  });
  if (names.length === 0) return;
  const what = names.toSorted().slice(0, 3).join(", ");
  const shown = names.length > 3 ? `${what}, …` : what;
  throw new ProblemsError([problem(`is not empty (${shown}): nothing is written into it`, { field: folder })]);
}

export async function writeTemplateFiles(folder: string, files: readonly TemplateFile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { path, bytes, isExecutable } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    // What came into the folder meanwhile stays as it is.
    await writeFile(target, bytes, { flag: "wx", mode: isExecutable ? 0o755 : 0o644 });
  }
}
