/** `gantry init`: a project out of a template of the registry, ready to be applied. */
import { basename, join, relative, resolve } from "node:path";
import { APPLICATION_NAME } from "../../src/api/schemas/application-name.ts";
import { baseUrlOf } from "../connection.ts";
import { isNpmScript, typedIn, type Io } from "../io.ts";
import { problem, ProblemsError } from "../problems.ts";
import { openRegistry } from "../registry-connection.ts";
import { requireEmptyFolder, writeTemplateFiles } from "../templates/folder.ts";
import { formatReference, parseReference } from "../templates/format.ts";
import { MANIFEST, projectFiles } from "../templates/project.ts";
import { filesOf, findTemplate } from "../templates/shelf.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import type { TemplateFlags } from "./templates.ts";

export interface InitFlags extends TemplateFlags {
  readonly template: string;
  readonly name?: string | undefined;
}

export async function init(io: Io, folder: string, flags: InitFlags): Promise<ExitCode> {
  const target = resolve(typedIn(io), folder);
  const wanted = parseReference(flags.template);
  const name = flags.name ?? basename(target).toLowerCase();
  if (!APPLICATION_NAME.test(name)) {
    const rule = "is no name of an application: 1 to 63 lower-case letters, digits, - and _; give one with --name";
    throw new ProblemsError([problem(rule, { field: JSON.stringify(name) })]);
  }
  await requireEmptyFolder(target);
  const registry = await openRegistry(io, flags, ["pull", "list"]);
  const template = await findTemplate(registry, wanted);
  const files = projectFiles(await filesOf(registry, template), template.info, name);
  await writeTemplateFiles(target, files);
  const { digest, info } = template;
  if (flags.json === true) {
    const made = { name, folder: target, template: info.name, version: info.version, digest, secrets: info.secrets };
    io.out(`${JSON.stringify({ ...made, files: files.map(({ path }) => path).toSorted() })}\n`);
    return EXIT.done;
  }
  const from = `${formatReference({ name: info.name, reference: info.version })} (${digest})`;
  const shown = relative(typedIn(io), target) || ".";
  const paths = files.map(({ path }) => path);
  const manifest = paths.find((path) => path.startsWith("gantry.")) ?? MANIFEST;
  io.out(`${name} is in ${shown}: ${files.length} files of ${from}\n\n`);
  io.out(
    nextSteps({
      image: `${new URL(baseUrlOf(io, flags)).host}/${name}:1`,
      folder: shown,
      manifest: join(shown, manifest),
      apply: `${isNpmScript(io.env) ? "npm run gantry --" : "gantry"} apply -f ${join(relative(io.cwd, target), manifest)}`,
      secrets: info.secrets,
      isBuilt: paths.includes("Dockerfile"),
    }),
  );
  return EXIT.done;
}

interface Next {
  readonly image: string;
  readonly folder: string;
  readonly manifest: string;
  readonly apply: string;
  readonly secrets: readonly string[];
  readonly isBuilt: boolean;
}

function nextSteps({ image, folder, manifest, apply, secrets, isBuilt }: Next): string {
  const needs =
    secrets.length === 0 ? "" : `It needs these secrets of the account (POST …/secrets): ${secrets.join(", ")}\n\n`;
  const own = `
With an image of your own:

  docker login -u v1 ${image.split("/")[0] ?? ""}   # the password is your token
  docker build -t ${image} ${folder}
  docker push ${image}

Then write ${image} into ${manifest}, as configuration.image, and apply again.
`;
  return `${needs}Run it:\n\n  ${apply}\n${isBuilt ? own : ""}`;
}
