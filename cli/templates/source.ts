/** What a template says of itself, from the files of its folder: package.json, and its application. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as z from "zod";
import type { Io } from "../io.ts";
import { manifestOf } from "../manifest/manifest.ts";
import { readFiles } from "../manifest/read-file.ts";
import { problem, ProblemsError } from "../problems.ts";
import { Reference, type Spec } from "../resources/resource.ts";
import type { TemplateSource } from "./artifact.ts";
import { readTemplateFiles } from "./folder.ts";
import { isTemplateName, LATEST } from "./format.ts";
import { isTag } from "../../src/registry/oci/names.ts";

export interface Said {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly description?: string | undefined;
}

export const APPLICATION = "application.json";
/** Where `gantry apply` looks, of those that are read without running them. */
export const MANIFESTS = ["gantry.yaml", "gantry.yml"] as const;

const NAMED: ReadonlySet<string> = new Set(["secret", "application", "registry", "protocol"]);

const packageJson = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  description: z.string().optional(),
  files: z.array(z.string().min(1)).optional(),
});

const application = z.looseObject({
  configuration: z.looseObject({ secrets: z.array(z.looseObject({ secret: z.string().optional() })).optional() }),
  egress: z
    .looseObject({ credentials: z.array(z.looseObject({ secret: z.string().optional() })).optional() })
    .optional(),
});

/** `folder`: absolute. `said`: in place of what package.json has. */
export async function readTemplate(folder: string, said: Said, io: Io): Promise<TemplateSource> {
  const { name: packageName, version: packageVersion, description: text, files: only } = await packageOf(folder);
  // Without its scope.
  const name = said.name ?? packageName?.replace(/^@[^/]*\//, "");
  const version = said.version ?? packageVersion;
  const problems = [
    ...(name === undefined
      ? [problem("is needed: give --name, or write it into package.json", { field: "name" })]
      : []),
    ...(name !== undefined && !isTemplateName(name)
      ? [
          problem("must be lower-case letters, digits, and ., _, - between them: give --name", {
            field: `name ${name}`,
          }),
        ]
      : []),
    ...(version === undefined
      ? [problem("is needed: give --version, or write it into package.json", { field: "version" })]
      : []),
    ...(version !== undefined && (!isTag(version) || version === LATEST)
      ? [problem("must be a tag, such as 1.2.0, and not latest: that is set besides", { field: `version ${version}` })]
      : []),
  ];
  if (problems.length > 0 || name === undefined || version === undefined) throw new ProblemsError(problems);
  const spec = await applicationOf(folder, io);
  const files = await readTemplateFiles(folder, only ?? null);
  return {
    name,
    version,
    description: said.description ?? text ?? "",
    secrets: secretsOf(spec),
    application: spec,
    files,
  };
}

async function packageOf(folder: string): Promise<z.infer<typeof packageJson>> {
  const content = await jsonOf(join(folder, "package.json"));
  if (content === null) return {};
  const parsed = packageJson.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ProblemsError([
    problem(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`, { field: join(folder, "package.json") }),
  ]);
}

/** Of application.json, else of the one application that the folder's manifest declares. */
async function applicationOf(folder: string, io: Io): Promise<Record<string, unknown>> {
  const content = await jsonOf(join(folder, APPLICATION));
  const spec = content ?? (await declaredIn(folder, io));
  const field = join(folder, content === null ? "gantry.yaml" : APPLICATION);
  if (!application.safeParse(spec).success) {
    throw new ProblemsError([problem("must be an application, with a configuration", { field })]);
  }
  return spec as Record<string, unknown>;
}

async function declaredIn(folder: string, io: Io): Promise<object> {
  const found = await Promise.all(
    MANIFESTS.map((name) =>
      readFile(join(folder, name)).then(
        () => [name],
        () => [],
      ),
    ),
  );
  const [file] = found.flat();
  if (file === undefined) {
    const text = `there is no ${APPLICATION} and no ${MANIFESTS.join(", ")}: a template brings an application`;
    throw new ProblemsError([problem(text, { field: folder })]);
  }
  const documents = await readFiles(io, [resolve(folder, file)]);
  const declared = manifestOf(documents).resources.filter(({ kind }) => kind === "application");
  const [only] = declared;
  if (only === undefined || declared.length > 1) {
    const text = `declares ${declared.length} applications: a template brings one`;
    throw new ProblemsError([problem(text, { field: join(folder, file) })]);
  }
  return { name: only.name, ...(withNames(only.spec, join(folder, file)) as object) };
}

/** References by the names that they stand for: a template knows nothing of another account's ids. */
function withNames(value: Spec, file: string): unknown {
  if (value instanceof Reference) {
    if (value.field === null && NAMED.has(value.kind)) return value.name;
    const text = `refers to ${value.kind}/${value.name}: the application of a template refers to names only`;
    throw new ProblemsError([problem(text, { field: file })]);
  }
  if (Array.isArray(value)) return value.map((item: Spec) => withNames(item, file));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNames(item, file)]));
}

function secretsOf(spec: Record<string, unknown>): string[] {
  const { configuration, egress } = application.parse(spec);
  const named = [...(configuration.secrets ?? []), ...(egress?.credentials ?? [])];
  return [...new Set(named.flatMap(({ secret }) => secret ?? []))].toSorted();
}

async function jsonOf(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProblemsError([problem(`is no JSON: ${why}`, { field: path })]);
  }
}
