/** `gantry export`: what there is, as a manifest. */
import type { Io } from "../io.ts";
import { requireOwner } from "../manifest/manifest.ts";
import { problem, ProblemsError } from "../problems.ts";
import { userOf } from "../resources/drivers/small.ts";
import { exportedResources, FORMATS, printed, type Format } from "../resources/export.ts";
import { KINDS } from "../resources/kinds.ts";
import { readWorld } from "../resources/world.ts";
import { EXIT, type ExitCode } from "./apply.ts";
import { openApi, type ManifestFlags } from "./context.ts";

export interface ExportFlags extends ManifestFlags {
  readonly format?: string | undefined;
}

export async function exportManifest(io: Io, flags: ExportFlags): Promise<ExitCode> {
  const format = formatOf(flags.format ?? (flags.json === true ? "json" : "yaml"));
  const owner = flags.owner === undefined ? null : requireOwner(flags.owner);
  const api = await openApi(io, flags);
  const world = await readWorld(api, KINDS);
  for (const [key, live] of world.live) {
    if (live.kind !== "registry" || live.shown["private_credential"] === undefined) continue;
    world.live.set(key, { ...live, shown: { ...live.shown, public_credential: await userOf(api, live.name) } });
  }
  io.out(printed(exportedResources(world, owner), owner, format));
  return EXIT.done;
}

function formatOf(text: string): Format {
  const format = FORMATS.find((one) => one === text);
  if (format !== undefined) return format;
  throw new ProblemsError([problem(`must be one of ${FORMATS.join(", ")}`, { field: "--format" })]);
}
