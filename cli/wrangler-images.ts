/**
 * `images` of the control plane's wrangler.jsonc: what must stand there for images that are built. Shown as a diff, and
 * written only when that is asked for; comments and form stay.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { applyEdits, modify, parse, type ParseError } from "jsonc-parser";
import type { BuiltImage } from "./manifest/images.ts";
import { problem, ProblemsError } from "./problems.ts";

export interface ImagesChange {
  readonly file: string;
  /** Names of the images that are missing or other than declared. */
  readonly names: readonly string[];
  readonly diff: string;
  readonly text: string;
}

interface Declared {
  readonly dockerfile?: unknown;
  readonly build_context?: unknown;
  readonly build_vars?: unknown;
}

/** Null: it is as it should be, or nothing is built. */
export async function imagesChange(file: string, images: readonly BuiltImage[]): Promise<ImagesChange | null> {
  if (images.length === 0) return null;
  const refuse = (message: string) => new ProblemsError([problem(message, { origin: { file, document: null } })]);
  const text = await readFile(file, "utf8").catch(() => {
    const names = images.map(({ name }) => name).join(", ");
    throw refuse(
      `cannot be read: the images ${names} are built with the control plane; name its wrangler.jsonc with --wrangler`,
    );
  });
  const errors: ParseError[] = [];
  const config = parse(text, errors, { allowTrailingComma: true }) as { containers?: unknown } | undefined;
  if (errors.length > 0) throw refuse("is no JSONC");
  const containers = (Array.isArray(config?.containers) ? config.containers : []) as Record<string, unknown>[];
  const index = containers.findIndex((one) => one["scheduling_policy"] === "durable_object");
  if (index === -1)
    throw refuse('has no container of "scheduling_policy": "durable_object": it is not the control plane\'s');
  const declared = (containers[index]?.["images"] ?? {}) as Record<string, Declared>;
  const folder = dirname(resolve(file));
  const outdated = images.filter((image) => !isSame(declared[image.name], image, folder));
  if (outdated.length === 0) return null;
  let next = text;
  for (const image of outdated) {
    const formattingOptions = {
      insertSpaces: !/^\t/m.test(text),
      tabSize: 2,
      eol: text.includes("\r\n") ? "\r\n" : "\n",
    };
    const path = ["containers", index, "images", image.name];
    next = applyEdits(next, modify(next, path, entryOf(image, folder), { formattingOptions }));
  }
  return { file, names: outdated.map(({ name }) => name), diff: lineDiff(file, text, next), text: next };
}

export async function writeImages({ file, text }: ImagesChange): Promise<void> {
  await writeFile(file, text);
}

function entryOf({ dockerfile, context, buildArgs }: BuiltImage, folder: string): Record<string, unknown> {
  return {
    dockerfile: pathFrom(folder, dockerfile),
    ...(context === dirname(dockerfile) ? {} : { build_context: pathFrom(folder, context) }),
    ...(Object.keys(buildArgs).length === 0 ? {} : { build_vars: buildArgs }),
  };
}

function isSame(
  declared: Declared | undefined,
  { dockerfile, context, buildArgs }: BuiltImage,
  folder: string,
): boolean {
  if (typeof declared?.dockerfile !== "string") return false;
  const path = resolve(folder, declared.dockerfile);
  const within = typeof declared.build_context === "string" ? resolve(folder, declared.build_context) : dirname(path);
  const vars = Object.entries((declared.build_vars ?? {}) as Record<string, unknown>);
  const wanted = Object.entries(buildArgs);
  const sameVars = vars.length === wanted.length && vars.every(([key, value]) => buildArgs[key] === value);
  return path === dockerfile && within === context && sameVars;
}

function pathFrom(folder: string, path: string): string {
  const way = relative(folder, path).replaceAll("\\", "/");
  return way.startsWith("../") ? way : `./${way}`;
}

/** Lines taken out and put in, each run with a line of what stands around it. */
function lineDiff(file: string, before: string, after: string): string {
  const [a, b] = [before.split(/\r?\n/), after.split(/\r?\n/)];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const [row, below] = [lengths[i] as Uint32Array, lengths[i + 1] as Uint32Array];
      row[j] = a[i] === b[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`  ${a[i]}`);
      [i, j] = [i + 1, j + 1];
    } else if (j < b.length && (i === a.length || (lengths[i]?.[j + 1] ?? 0) > (lengths[i + 1]?.[j] ?? 0))) {
      lines.push(`+ ${b[j]}`);
      j += 1;
    } else {
      lines.push(`- ${a[i]}`);
      i += 1;
    }
  }
  const isNear = (index: number) => [-1, 0, 1].some((offset) => /^[+-]/.test(lines[index + offset] ?? ""));
  return [`--- ${file}`, `+++ ${file}`, ...lines.filter((_, index) => isNear(index))].join("\n");
}
