/** `gantry templates`: the templates of the registry, in their folders and back. */
import { basename, resolve } from "node:path";
import { stringify } from "yaml";
import { bytesText } from "../bytes.ts";
import { typedIn, type Io } from "../io.ts";
import type { ConnectionFlags } from "../connection.ts";
import { openRegistry } from "../registry-connection.ts";
import { table } from "../table.ts";
import { buildTemplate } from "../templates/artifact.ts";
import { requireEmptyFolder, writeTemplateFiles } from "../templates/folder.ts";
import { formatReference, LATEST, parseReference, repositoryOf } from "../templates/format.ts";
import { filesOf, findTemplate, listTemplates, pushTemplate } from "../templates/shelf.ts";
import { readTemplate, type Said } from "../templates/source.ts";
import { EXIT, type ExitCode } from "./apply.ts";

export interface TemplateFlags extends ConnectionFlags {
  readonly json?: boolean | undefined;
}

export type PushFlags = TemplateFlags & Said;

const HEAD = ["NAME", "TAGS", "DIGEST", "SIZE", "DESCRIPTION"];
const READ = ["pull", "list"] as const;

export async function templatesList(io: Io, flags: TemplateFlags): Promise<ExitCode> {
  const views = await listTemplates(await openRegistry(io, flags, READ));
  if (flags.json === true) {
    for (const view of views) io.out(`${JSON.stringify(view)}\n`);
  } else if (views.length === 0) {
    io.out("there are no templates: npm start publishes the samples, gantry templates push <folder> one of yours\n");
  } else {
    const rows = views.map(({ name, tags, digest, size, description }) => {
      return [name, tags.join(", "), digest, bytesText(size), description];
    });
    io.out(table([HEAD, ...rows]));
  }
  return EXIT.done;
}

export async function templatesShow(io: Io, given: string, flags: TemplateFlags): Promise<ExitCode> {
  const wanted = parseReference(given);
  const registry = await openRegistry(io, flags, READ);
  const { digest, info, manifest } = await findTemplate(registry, wanted);
  const { name, version, description, secrets, files, size, application } = info;
  const [layer] = manifest.layers;
  if (flags.json === true) {
    const { mediaType, digest: bundle, size: packed } = layer;
    io.out(
      `${JSON.stringify({ digest, artifact_type: manifest.artifactType, ...info, bundle: { mediaType, digest: bundle, size: packed } })}\n`,
    );
    return EXIT.done;
  }
  const lines = [
    ["template", `${name} ${version}`],
    ["digest", digest],
    ["description", description || "none"],
    ["size", `${bytesText(layer.size)} to load, ${bytesText(size)} in ${files.length} files`],
    ["secrets", secrets.join(", ") || "none"],
  ].map(([key = "", text = ""]) => `${`${key}:`.padEnd(13)}${text}\n`);
  const shown = files.map((file) => [`  ${file.path}`, bytesText(file.size)]);
  io.out(`${lines.join("")}\nfiles:\n${table(shown)}\napplication:\n${indented(stringify(application))}`);
  return EXIT.done;
}

export async function templatesPull(
  io: Io,
  given: string,
  folder: string | undefined,
  flags: TemplateFlags,
): Promise<ExitCode> {
  const wanted = parseReference(given);
  const target = resolve(typedIn(io), folder ?? basename(wanted.name));
  await requireEmptyFolder(target);
  const registry = await openRegistry(io, flags, READ);
  const template = await findTemplate(registry, wanted);
  const files = await filesOf(registry, template);
  await writeTemplateFiles(target, files);
  const { name, digest, info } = template;
  if (flags.json === true) {
    io.out(`${JSON.stringify({ name, version: info.version, digest, folder: target, files: files.length })}\n`);
  } else {
    io.out(`${formatReference({ name, reference: info.version })} ${digest}: ${files.length} files in ${target}\n`);
  }
  return EXIT.done;
}

export async function templatesPush(io: Io, folder: string, flags: PushFlags): Promise<ExitCode> {
  const artifact = await buildTemplate(await readTemplate(resolve(typedIn(io), folder), flags, io));
  const isNew = await pushTemplate(await openRegistry(io, flags, ["pull", "push"]), artifact);
  const { info, manifest, bundle } = artifact;
  const { digest } = manifest;
  const tags = [info.version, LATEST];
  if (flags.json === true) {
    io.out(`${JSON.stringify({ name: info.name, tags, digest, size: bundle.bytes.length, pushed: isNew })}\n`);
    return EXIT.done;
  }
  const where = `${repositoryOf(info.name)}:${tags.join(", :")}`;
  const what = `${info.files.length} files, ${bytesText(bundle.bytes.length)}`;
  io.out(isNew ? `pushed ${where}: ${what}\n${digest}\n` : `${where} has these files already\n${digest}\n`);
  return EXIT.done;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
