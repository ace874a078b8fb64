/** Files that declare resources: TypeScript and JavaScript modules, YAML of several documents, JSON. */
import { readFile } from "node:fs/promises";
import { access } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseAllDocuments } from "yaml";
import type { Io } from "../io.ts";
import { problem, ProblemsError, type Origin } from "../problems.ts";

/** Looked for in this order where no file is named. */
const USUAL = [
  "gantry.config.ts",
  "gantry.config.mts",
  "gantry.config.js",
  "gantry.config.mjs",
  "gantry.yaml",
  "gantry.yml",
  "gantry.json",
] as const;

export interface RawDocument {
  readonly origin: Origin;
  readonly content: unknown;
  /** What paths in it are relative to. */
  readonly folder: string;
}

export async function readFiles(io: Io, files: readonly string[]): Promise<RawDocument[]> {
  const named = files.length === 0 ? [await usualFile(io)] : files;
  return (await Promise.all(named.map((file) => readOne(io, file)))).flat();
}

async function usualFile({ cwd }: Io): Promise<string> {
  for (const name of USUAL) {
    const isThere = await access(join(cwd, name)).then(
      () => true,
      () => false,
    );
    if (isThere) return name;
  }
  throw new ProblemsError([problem(`there is no ${USUAL.join(", ")} in ${cwd}: name one with --file`)]);
}

async function readOne(io: Io, file: string): Promise<RawDocument[]> {
  if (file === "-") return yamlDocuments("standard input", io.cwd, await io.stdin());
  const path = resolve(io.cwd, file);
  const folder = join(path, "..");
  const type = extname(path);
  if ([".ts", ".mts", ".js", ".mjs"].includes(type)) {
    return [{ origin: { file, document: null }, folder, content: await moduleOf(file, path) }];
  }
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new ProblemsError([fault(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`)]);
  });
  if (type === ".yaml" || type === ".yml") return yamlDocuments(file, folder, text);
  if (type !== ".json")
    throw new ProblemsError([fault(file, "must end in .ts, .mts, .js, .mjs, .yaml, .yml or .json")]);
  try {
    return [{ origin: { file, document: null }, folder, content: JSON.parse(text) }];
  } catch (error) {
    throw new ProblemsError([fault(file, `is no JSON: ${error instanceof Error ? error.message : String(error)}`)]);
  }
}

async function moduleOf(file: string, path: string): Promise<unknown> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const way = code === "ERR_UNKNOWN_FILE_EXTENSION" ? ": TypeScript needs Node 22.18 or newer" : "";
    const text = error instanceof Error ? error.message : String(error);
    throw new ProblemsError([fault(file, `cannot be loaded: ${text}${way}`)]);
  }
  if (loaded.default !== undefined) return loaded.default;
  throw new ProblemsError([fault(file, "has no default export: export default defineResources({ … })")]);
}

function yamlDocuments(file: string, folder: string, text: string): RawDocument[] {
  const documents = parseAllDocuments(text, { prettyErrors: true });
  if (!Array.isArray(documents)) return [];
  const isOne = documents.length === 1;
  const broken = documents.flatMap(({ errors }, index) =>
    errors.map(({ message }) => fault(file, `is no YAML: ${message.split("\n")[0] ?? ""}`, isOne ? null : index + 1)),
  );
  if (broken.length > 0) throw new ProblemsError(broken);
  return documents.flatMap((document, index) => {
    let content: unknown;
    try {
      content = document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ProblemsError([fault(file, `is no YAML: ${message}`, isOne ? null : index + 1)]);
    }
    // Between separators there may be nothing but a comment.
    if (content === null || content === undefined) return [];
    return [{ origin: { file, document: isOne ? null : index + 1 }, folder, content }];
  });
}

function fault(file: string, message: string, document: number | null = null) {
  return problem(message, { origin: { file, document } });
}
