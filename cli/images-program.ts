/** The commands of `gantry images` and their flags. */
import { Argument, type Command } from "commander";
import type { ExitCode } from "./commands/apply.ts";
import {
  imagesDelete,
  imagesGc,
  imagesList,
  imagesTags,
  imagesVisibility,
  type DeleteFlags,
  type GcFlags,
  type ImageFlags,
  type Visibility,
} from "./commands/images.ts";
import type { Io } from "./io.ts";

type Connected = (parent: Command, name: string, text: string) => Command;

export function addImages(program: Command, connected: Connected, io: Io, ended: (code: ExitCode) => void): void {
  const images = program.command("images").description("Images in the control plane's own registry");
  connected(images, "list", "List its repositories").action(async (flags: ImageFlags) =>
    ended(await imagesList(io, flags)),
  );
  connected(images, "tags", "List the tags of a repository, and what uses them")
    .argument("<repository>", "such as team/web")
    .action(async (repository: string, flags: ImageFlags) => ended(await imagesTags(io, repository, flags)));
  connected(images, "delete", "Delete a tag, or with @<digest> an image and all its tags")
    .argument("<image>", "<repository>:<tag> or <repository>@<digest>")
    .option("--force", "also what applications use")
    .action(async (image: string, flags: DeleteFlags) => ended(await imagesDelete(io, image, flags)));
  connected(images, "gc", "Collect garbage: what no image names any more")
    .option("--dry-run", "tell what would be removed, and remove nothing")
    .option("--untagged", "also images without a tag that no application uses")
    .option("--repository <name>", "only of this one")
    .action(async (flags: GcFlags) => ended(await imagesGc(io, flags)));
  connected(images, "visibility", "Say who may pull from a repository: anyone, or who has a login")
    .argument("<repository>", "such as team/web")
    .addArgument(new Argument("<visibility>").choices(["public", "private"]))
    .action(async (repository: string, visibility: Visibility, flags: ImageFlags) => {
      ended(await imagesVisibility(io, repository, visibility, flags));
    });
}
