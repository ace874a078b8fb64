/** The commands of `gantry templates` and `gantry init`, and their flags. */
import type { Command } from "commander";
import type { ExitCode } from "./commands/apply.ts";
import { init, type InitFlags } from "./commands/init.ts";
import {
  templatesList,
  templatesPull,
  templatesPush,
  templatesShow,
  type PushFlags,
  type TemplateFlags,
} from "./commands/templates.ts";
import type { Io } from "./io.ts";

type Connected = (parent: Command, name: string, text: string) => Command;

const REFERENCE = "<name>, <name>:<version> or <name>@<digest>";

export function addTemplates(program: Command, connected: Connected, io: Io, ended: (code: ExitCode) => void): void {
  connected(program, "init", "Make a project out of a template")
    .argument("<folder>", "where; it is empty, or not there yet")
    .option("--template <reference>", REFERENCE, "hello-world")
    .option("--name <name>", "of the application; default: the folder's")
    .action(async (folder: string, flags: InitFlags) => ended(await init(io, folder, flags)));
  const templates = program.command("templates").description("Templates of projects, in the control plane's registry");
  connected(templates, "list", "List them, with tags, digest and size").action(async (flags: TemplateFlags) =>
    ended(await templatesList(io, flags)),
  );
  connected(templates, "show", "What one is: its files, its application, the secrets that it needs")
    .argument("<template>", REFERENCE)
    .action(async (given: string, flags: TemplateFlags) => ended(await templatesShow(io, given, flags)));
  connected(templates, "pull", "Write the files of one as they are; init makes a project of them")
    .argument("<template>", REFERENCE)
    .argument("[folder]", "where; default: its name")
    .action(async (given: string, folder: string | undefined, flags: TemplateFlags) => {
      ended(await templatesPull(io, given, folder, flags));
    });
  connected(templates, "push", "Push a folder as a template, as its version and as latest")
    .argument("<folder>", "with application.json or gantry.yaml")
    .option("--name <name>", "default: that of package.json")
    .option("--version <version>", "default: that of package.json")
    .option("--description <text>", "default: that of package.json")
    .action(async (folder: string, flags: PushFlags) => ended(await templatesPush(io, folder, flags)));
}
